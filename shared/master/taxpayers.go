package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// taxpayerDraft is a taxpayer in clear. In a change, what is left out stays as it is.
type taxpayerDraft struct {
	From       civil.Date     `json:"from"`
	Version    int            `json:"version"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	Name       string         `json:"name"`
	IDType     string         `json:"id_type"`
	IDNumber   string         `json:"id_number"`
	Phone      string         `json:"phone"`
	Profiles   []profileDraft `json:"profiles"`
}

// profileDraft wants residence to be said: left out, it would make a person a foreigner.
type profileDraft struct {
	tenancy.Profile
	Resident *bool `json:"resident"`
}

// storedTaxpayer is the masked taxpayer with a keyed hash of its name, to compare without reading.
type storedTaxpayer struct {
	tenancy.Taxpayer
	NameHash string `json:"name_hash"`
}

func (d *taxpayerDraft) head() (string, int) { return string(d.TaxpayerID), d.Version }

func (d *taxpayerDraft) person() tenancy.Person {
	return tenancy.Person{Name: d.Name, IDType: d.IDType, IDNumber: d.IDNumber,
		Phone: d.Phone}.Normalized()
}

func (d *taxpayerDraft) profiles() []tenancy.Profile {
	out := make([]tenancy.Profile, len(d.Profiles))
	for i, p := range d.Profiles {
		out[i] = p.Profile
		out[i].Resident = p.Resident != nil && *p.Resident
	}
	return out
}

func (d *taxpayerDraft) problems(c call) []fault.Field {
	found := d.personProblems(c)
	if id := d.TaxpayerID; id != "" {
		found = append(found, tenancy.IDProblems("taxpayer_id", string(id))...)
	}
	if len(d.Profiles) > 0 || !c.change {
		found = append(found, tenancy.ProfileProblems(d.profiles(), d.person().IDType)...)
	}
	for i, p := range d.Profiles {
		if p.Resident == nil {
			found = append(found,
				fault.Field{Field: "profiles." + itoa(i) + ".resident", Problem: "must be given"})
		}
		found = append(found, c.unknownPlace("profiles."+itoa(i)+".jurisdiction", p.Jurisdiction)...)
	}
	return found
}

// personProblems checks name, number and phone; in a change only those that are given.
func (d *taxpayerDraft) personProblems(c call) []fault.Field {
	all := d.person().Problems(c.today)
	if !c.change {
		return all
	}
	given := map[string]bool{"name": d.Name != "", "id_type": d.IDType != "",
		"id_number": d.IDNumber != "", "phone": d.Phone != ""}
	var found fault.Problems
	for _, p := range all {
		if given[p.Field] {
			found = append(found, p)
		}
	}
	found.AddIf(given["id_type"] != given["id_number"], "id_number",
		"must be given together with id_type")
	return found
}

// content leaves the id out: the same person with the same facts is the same taxpayer.
func (d *taxpayerDraft) content() any {
	return struct {
		From     civil.Date
		Person   tenancy.Person
		Profiles []tenancy.Profile
	}{d.From, d.person(), d.profiles()}
}

// lookupHash is the keyed hash under which a person is found.
func lookupHash(c call, p tenancy.Person) string {
	return c.hash.Hash("taxpayer", string(c.Tenant), p.IDType, p.IDNumber)
}

func nameHash(c call, name string) string { return c.hash.Hash("name", string(c.Tenant), name) }

// locate finds the taxpayer who has this number already.
func (d *taxpayerDraft) locate(ctx context.Context, s *Service, c call) (string, error) {
	found, err := s.Store.TaxpayerByHash(ctx, c.Tenant, lookupHash(c, d.person()))
	if err != nil || found != "" {
		return found, err
	}
	return located(d, c), nil
}

// against keeps the number of a taxpayer: another number is another taxpayer.
func (d *taxpayerDraft) against(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	if c.previous == nil {
		return nil, nil
	}
	before, err := readTaxpayer(c.previous)
	if err != nil {
		return nil, err
	}
	if before.MergedInto != "" {
		return nil, fault.New(fault.IllegalMove, "already_merged",
			"This taxpayer was merged into "+before.MergedInto+"; change that one.")
	}
	found := tenancy.ProfileProblems(d.profiles(), before.IDType)
	if len(d.Profiles) == 0 {
		found = nil
	}
	if d.IDNumber == "" {
		return found, nil
	}
	owner, err := s.Store.TaxpayerByHash(ctx, c.Tenant, lookupHash(c, d.person()))
	if err == nil && owner != c.id {
		found = append(found,
			fault.Field{Field: "id_number", Problem: "cannot change; another number is another taxpayer"})
	}
	return found, err
}

func readTaxpayer(doc json.RawMessage) (storedTaxpayer, error) {
	var t storedTaxpayer
	if err := json.Unmarshal(doc, &t); err != nil {
		return t, fault.Internal(err)
	}
	return t, nil
}

func (d *taxpayerDraft) build(ctx context.Context, s *Service, c call) (written, error) {
	o, fields, err := d.object(c)
	if err != nil {
		return written{}, err
	}
	w := written{objects: []tenancy.Object{o}, taxpayer: ident.Taxpayer(c.id)}
	if len(fields) > 0 {
		sealed, err := s.Vault.Seal(ctx, c.Tenant, ident.Taxpayer(c.id),
			map[string]map[string]string{vault.TaxpayerRecord(): fields})
		if err != nil {
			return written{}, err
		}
		w.sealed = []vault.Sealing{sealed}
	}
	return w, nil
}

// object gives the masked version and the fields to be sealed.
func (d *taxpayerDraft) object(c call) (tenancy.Object, map[string]string, error) {
	var t storedTaxpayer
	if c.previous != nil {
		var err error
		if t, err = readTaxpayer(c.previous); err != nil {
			return tenancy.Object{}, nil, err
		}
	}
	clear := d.person()
	masked := clear.Masked()
	fields := map[string]string{}
	if clear.Name != "" {
		t.Name = masked.Name
		t.NameHash = nameHash(c, clear.Name)
		fields[vault.Name] = clear.Name
	}
	if clear.IDNumber != "" {
		t.IDType = masked.IDType
		t.IDNumber = masked.IDNumber
		fields[vault.IDNumber] = clear.IDNumber
	}
	if clear.Phone != "" {
		t.Phone, fields[vault.Phone] = masked.Phone, clear.Phone
	}
	if len(d.Profiles) > 0 {
		t.Profiles = d.profiles()
	}
	t.TaxpayerID = ident.Taxpayer(c.id)
	t.From = d.From
	t.Version = c.version
	t.By = c.Subject
	o := versionOf(c, t)
	o.Hash = lookupHash(c, clear)
	return o, fields, nil
}
