package master

import (
	"context"
	"encoding/json"
	"strconv"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// taxpayerDraft is a taxpayer as a client sends it, in clear text. A change keeps the stored value
// of each field that it leaves out.
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

// profileDraft is a tax profile as a client sends it. Resident is a pointer because it must be
// given: a missing value would make a person a foreigner.
type profileDraft struct {
	tenancy.Profile
	Resident *bool `json:"resident"`
}

// storedTaxpayer is the masked taxpayer as it is stored, with a keyed hash of the name that lets
// names be compared without decrypting.
type storedTaxpayer struct {
	tenancy.Taxpayer
	NameHash string `json:"name_hash"`
}

func (d *taxpayerDraft) idAndVersion() (string, int) { return string(d.TaxpayerID), d.Version }

// normalizedPerson returns the personal data in normal form, in clear text.
func (d *taxpayerDraft) normalizedPerson() tenancy.Person {
	return tenancy.Person{Name: d.Name, IDType: d.IDType, IDNumber: d.IDNumber,
		Phone: d.Phone}.Normalized()
}

// profiles returns the tax profiles with their residence filled in.
func (d *taxpayerDraft) profiles() []tenancy.Profile {
	out := make([]tenancy.Profile, len(d.Profiles))
	for i, p := range d.Profiles {
		out[i] = p.Profile
		out[i].Resident = p.Resident != nil && *p.Resident
	}
	return out
}

// problems lists the invalid fields of the person and of the tax profiles.
func (d *taxpayerDraft) problems(c call) []fault.Field {
	found := d.personProblems(c)
	if id := d.TaxpayerID; id != "" {
		found = append(found, tenancy.IDProblems("taxpayer_id", string(id))...)
	}
	// A change without profiles keeps the stored ones.
	if len(d.Profiles) > 0 || !c.change {
		found = append(found, tenancy.ProfileProblems(d.profiles(), d.normalizedPerson().IDType)...)
	}
	for i, p := range d.Profiles {
		if p.Resident == nil {
			found = append(found,
				fault.Field{Field: "profiles." + strconv.Itoa(i) + ".resident", Problem: "must be given"})
		}
		found = append(found,
			c.unknownPlaceProblems("profiles."+strconv.Itoa(i)+".jurisdiction", p.Jurisdiction)...)
	}
	return found
}

// personProblems checks name, ID number and phone; in a change only those that are given.
func (d *taxpayerDraft) personProblems(c call) []fault.Field {
	all := d.normalizedPerson().Problems(c.today)
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
	// A number can only be checked by the rules of its ID type.
	found.AddIf(given["id_type"] != given["id_number"], "id_number",
		"must be given together with id_type")
	return found
}

// digestContent leaves the id out: two documents with the same person and the same facts describe
// the same taxpayer. The names of these fields are part of stored digests.
func (d *taxpayerDraft) digestContent() any {
	return struct {
		From     civil.Date
		Person   tenancy.Person
		Profiles []tenancy.Profile
	}{d.From, d.normalizedPerson(), d.profiles()}
}

// identityHash returns the keyed hash of ID type and number under which a taxpayer is found.
func identityHash(c call, p tenancy.Person) string {
	return c.hash.Hash("taxpayer", string(c.Tenant), p.IDType, p.IDNumber)
}

// nameHash returns the keyed hash of a name, by which names are compared.
func nameHash(c call, name string) string { return c.hash.Hash("name", string(c.Tenant), name) }

// findID returns the id of the taxpayer that is stored with this ID number, else the given or
// derived id.
func (d *taxpayerDraft) findID(ctx context.Context, s *Service, c call) (string, error) {
	found, err := s.Store.TaxpayerByHash(ctx, c.Tenant, identityHash(c, d.normalizedPerson()))
	if err != nil || found != "" {
		return found, err
	}
	return givenOrDerivedID(d, c), nil
}

// conflicts refuses a change of a merged taxpayer and a change of the ID number: another number
// would be another taxpayer.
func (d *taxpayerDraft) conflicts(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	if c.previous == nil {
		return nil, nil
	}
	before, err := decodeTaxpayer(c.previous)
	if err != nil {
		return nil, err
	}
	if before.MergedInto != "" {
		return nil, fault.New(fault.IllegalMove, "already_merged",
			"This taxpayer was merged into "+before.MergedInto+"; change that one.")
	}
	// The profiles of a change must fit the stored ID type, which the change may leave out.
	found := tenancy.ProfileProblems(d.profiles(), before.IDType)
	if len(d.Profiles) == 0 {
		found = nil
	}
	if d.IDNumber == "" {
		return found, nil
	}
	owner, err := s.Store.TaxpayerByHash(ctx, c.Tenant, identityHash(c, d.normalizedPerson()))
	if err == nil && owner != c.id {
		found = append(found,
			fault.Field{Field: "id_number", Problem: "cannot change; another number is another taxpayer"})
	}
	return found, err
}

// decodeTaxpayer decodes the stored document of a taxpayer.
func decodeTaxpayer(doc json.RawMessage) (storedTaxpayer, error) {
	var t storedTaxpayer
	if err := json.Unmarshal(doc, &t); err != nil {
		return t, fault.Internal(err)
	}
	return t, nil
}

// buildWrites returns the new version of the taxpayer and its sealed personal data, where the
// document carries any.
func (d *taxpayerDraft) buildWrites(ctx context.Context, s *Service, c call) (writeSet, error) {
	o, fields, err := d.buildObject(c)
	if err != nil {
		return writeSet{}, err
	}
	w := writeSet{objects: []tenancy.Object{o}, taxpayer: ident.Taxpayer(c.id)}
	if len(fields) > 0 {
		sealed, err := s.Vault.Seal(ctx, c.Tenant, ident.Taxpayer(c.id),
			map[string]map[string]string{vault.TaxpayerRecord(): fields})
		if err != nil {
			return writeSet{}, err
		}
		w.sealed = []vault.Sealing{sealed}
	}
	return w, nil
}

// buildObject returns the masked version of the taxpayer and the clear text of the fields to be
// sealed. Fields that a change leaves out keep their stored value.
func (d *taxpayerDraft) buildObject(c call) (tenancy.Object, map[string]string, error) {
	var t storedTaxpayer
	if c.previous != nil {
		var err error
		if t, err = decodeTaxpayer(c.previous); err != nil {
			return tenancy.Object{}, nil, err
		}
	}
	clear := d.normalizedPerson()
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
		t.Phone = masked.Phone
		fields[vault.Phone] = clear.Phone
	}
	if len(d.Profiles) > 0 {
		t.Profiles = d.profiles()
	}
	t.TaxpayerID = ident.Taxpayer(c.id)
	t.From = d.From
	t.Version = c.version
	t.By = c.Subject
	o := versionObject(c, t)
	o.Hash = identityHash(c, clear)
	return o, fields, nil
}
