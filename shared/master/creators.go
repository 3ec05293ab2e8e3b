package master

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// creatorDraft is a creator as a client sends it, with the payout account in clear text.
// creatorDraft names an existing taxpayer by taxpayer_id or encloses a taxpayer that may be new. A
// change without payout keeps the stored payout account.
type creatorDraft struct {
	From       civil.Date                `json:"from"`
	Version    int                       `json:"version"`
	CreatorID  ident.Creator             `json:"creator_id"`
	TaxpayerID ident.Taxpayer            `json:"taxpayer_id"`
	Taxpayer   *taxpayerDraft            `json:"taxpayer"`
	Nickname   string                    `json:"nickname"`
	Level      string                    `json:"level"`
	Accounts   []tenancy.PlatformAccount `json:"platform_accounts"`
	Payout     *tenancy.PayoutAccount    `json:"payout"`

	owner taxpayerRef
}

// storedCreator is the masked creator as it is stored, with keyed hashes of its payout account and
// of the account holder. The hashes let a later version be compared without decrypting.
type storedCreator struct {
	tenancy.Creator
	PayoutHash string `json:"payout_hash,omitempty"`
	HolderHash string `json:"holder_hash,omitempty"`
}

// taxpayerRef is the taxpayer to which a creator belongs.
type taxpayerRef struct {
	id  string
	new bool // true when the taxpayer is created together with the creator
}

func (d *creatorDraft) idAndVersion() (string, int) { return string(d.CreatorID), d.Version }

// toCreator returns the creator without taxpayer and payout account.
func (d *creatorDraft) toCreator() tenancy.Creator {
	return tenancy.Creator{From: d.From, CreatorID: d.CreatorID, Nickname: d.Nickname, Level: d.Level,
		Accounts: d.Accounts}
}

// problems lists the invalid fields of the creator, of its payout account and of an enclosed
// taxpayer.
func (d *creatorDraft) problems(c call) []fault.Field {
	found := d.toCreator().Problems()
	switch {
	case d.Payout != nil:
		found = append(found, d.Payout.Problems()...)
	case !c.change:
		found = append(found, fault.Field{Field: "payout", Problem: "must be given"})
	}
	switch {
	case c.change && d.Taxpayer != nil:
		found = append(found,
			fault.Field{Field: "taxpayer", Problem: "is changed by its own route, /v1/taxpayers/{id}"})
	case d.Taxpayer != nil && d.TaxpayerID != "":
		found = append(found,
			fault.Field{Field: "taxpayer", Problem: "must be left out when taxpayer_id is given"})
	case d.Taxpayer != nil:
		found = append(found, d.enclosedTaxpayerProblems(c)...)
	case d.TaxpayerID != "":
		found = append(found, tenancy.IDProblems("taxpayer_id", string(d.TaxpayerID))...)
	case !c.change:
		found = append(found,
			fault.Field{Field: "taxpayer_id", Problem: "must be given, or taxpayer instead"})
	}
	return found
}

// enclosedTaxpayerProblems lists the invalid fields of the taxpayer that the document encloses.
// Missing profiles are no problem here, because a taxpayer that is stored already needs none;
// findEnclosedTaxpayer demands them of a new one.
func (d *creatorDraft) enclosedTaxpayerProblems(c call) []fault.Field {
	var found fault.Problems
	for _, p := range append(idAndVersionProblems(d.Taxpayer,
		call{kind: tenancy.KindTaxpayer, corpus: c.corpus}), d.Taxpayer.problems(c)...) {
		if p.Field != "profiles" {
			found.Add("taxpayer."+p.Field, p.Problem)
		}
	}
	return found
}

func (d *creatorDraft) digestContent() any {
	var along any
	if d.Taxpayer != nil {
		along = d.Taxpayer.digestContent()
	}
	return struct {
		Creator    tenancy.Creator
		TaxpayerID ident.Taxpayer
		Taxpayer   any
		Payout     *tenancy.PayoutAccount
	}{d.toCreator(), d.TaxpayerID, along, d.Payout}
}

func (d *creatorDraft) findID(_ context.Context, _ *Service, c call) (string, error) {
	return givenOrDerivedID(d, c), nil
}

// conflicts finds the taxpayer of the creator, keeps it in d.owner, and lists what contradicts it:
// an unknown taxpayer, a change of taxpayer, and a payout method that this kind of taxpayer may not
// use.
func (d *creatorDraft) conflicts(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	id := d.TaxpayerID
	if c.previous != nil {
		var before tenancy.Creator
		if err := json.Unmarshal(c.previous, &before); err != nil {
			return nil, fault.Internal(err)
		}
		if id != "" && id != before.TaxpayerID {
			return []fault.Field{{Field: "taxpayer_id", Problem: "cannot change; make a new creator"}}, nil
		}
		id = before.TaxpayerID
	}
	if d.Taxpayer != nil {
		return d.findEnclosedTaxpayer(ctx, s, c)
	}
	if id == "" {
		return nil, nil // problems has reported the missing taxpayer
	}
	return d.findNamedTaxpayer(ctx, s, c, id)
}

// findNamedTaxpayer reads the taxpayer with this id, keeps it in d.owner, and lists what
// contradicts it: an unknown taxpayer, or a payout method that this kind of taxpayer may not use.
func (d *creatorDraft) findNamedTaxpayer(ctx context.Context, s *Service, c call,
	id ident.Taxpayer) ([]fault.Field, error) {
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, tenancy.KindTaxpayer, string(id))
	if err != nil {
		return nil, err
	}
	if !exists {
		return []fault.Field{{Field: "taxpayer_id", Problem: "names no taxpayer of yours"}}, nil
	}
	t, err := decodeTaxpayer(latest.Doc)
	if err == nil && c.previous == nil {
		// A new creator belongs to the taxpayer into which the named one was merged. An existing creator
		// keeps the taxpayer under whose keys its account is sealed.
		t, err = s.readSurvivor(ctx, c.Tenant, t)
		id = t.TaxpayerID
	}
	d.owner = taxpayerRef{id: string(id)}
	return d.payoutMethodProblems(t.Profiles), err
}

// findEnclosedTaxpayer looks for a stored taxpayer with the ID number of the enclosed one and keeps
// the result in d.owner. The problems that it returns are contradictions to the stored taxpayer, or
// what a new taxpayer lacks.
func (d *creatorDraft) findEnclosedTaxpayer(ctx context.Context, s *Service,
	c call) ([]fault.Field, error) {
	// An invalid taxpayer is reported already; its number cannot be looked up.
	if len(d.enclosedTaxpayerProblems(c)) > 0 {
		return nil, nil
	}
	along, err := call{Caller: c.Caller, hash: c.hash, kind: tenancy.KindTaxpayer}.withDigest(
		d.Taxpayer)
	if err != nil {
		return nil, err
	}
	id, err := d.Taxpayer.findID(ctx, s, along)
	if err != nil {
		return nil, err
	}
	d.owner = taxpayerRef{id: id}
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, tenancy.KindTaxpayer, id)
	if err != nil {
		return nil, err
	}
	if !exists {
		d.owner.new = true
		return d.newTaxpayerProblems(), nil
	}
	t, err := decodeTaxpayer(latest.Doc)
	if err != nil {
		return nil, err
	}
	// The document is compared with the record that has this number, although the creator will belong
	// to the record into which that one was merged.
	found := d.taxpayerMismatches(c, t)
	if t, err = s.readSurvivor(ctx, c.Tenant, t); err != nil {
		return nil, err
	}
	d.owner.id = string(t.TaxpayerID)
	return append(found, d.payoutMethodProblems(t.Profiles)...), nil
}

// newTaxpayerProblems lists what an enclosed taxpayer lacks that is not stored yet.
func (d *creatorDraft) newTaxpayerProblems() []fault.Field {
	found := d.payoutMethodProblems(d.Taxpayer.profiles())
	if len(d.Taxpayer.Profiles) == 0 {
		found = append(found,
			fault.Field{Field: "taxpayer.profiles", Problem: "must hold at least one profile"})
	}
	return found
}

// taxpayerMismatches lists what the enclosed taxpayer says differently from the stored taxpayer
// with the same ID number.
func (d *creatorDraft) taxpayerMismatches(c call, t storedTaxpayer) []fault.Field {
	clear := d.Taxpayer.normalizedPerson()
	masked := clear.Masked()
	switch {
	case masked.IDType != t.IDType || masked.IDNumber != t.IDNumber:
		return []fault.Field{{Field: "taxpayer.taxpayer_id", Problem: "is that of another taxpayer"}}
	case nameHash(c, clear.Name) != t.NameHash:
		return []fault.Field{{Field: "taxpayer.name",
			Problem: string("is not the name of taxpayer " + t.TaxpayerID + ", who has this number")}}
	case len(d.Taxpayer.Profiles) > 0 && !haveSameProfiles(d.Taxpayer.profiles(), t.Profiles):
		return []fault.Field{
			{Field: "taxpayer.profiles",
				Problem: string("differ from those of taxpayer " + t.TaxpayerID +
					", who has this number; change them by its own route")}}
	}
	return nil
}

// haveSameProfiles reports whether two lists of tax profiles are equal; a missing list of papers
// equals an empty one.
func haveSameProfiles(a, b []tenancy.Profile) bool {
	return slices.EqualFunc(a, b, func(p, q tenancy.Profile) bool {
		papers := slices.Equal(p.Papers, q.Papers)
		p.Papers, q.Papers = nil, nil
		return papers && reflect.DeepEqual(p, q)
	})
}

// payoutMethodProblems refuses wallets for organisations, which are paid to a bank account only,
// because a wallet belongs to a person.
func (d *creatorDraft) payoutMethodProblems(profiles []tenancy.Profile) []fault.Field {
	if d.Payout == nil || d.Payout.Method == "bank" {
		return nil
	}
	for _, p := range profiles {
		if tenancy.IsOrganisation(p.Kind) {
			return []fault.Field{{Field: "payout.method",
				Problem: "must be bank, because organisations are paid to a corporate account only"}}
		}
	}
	return nil
}

// buildWrites returns the new version of the creator, the new taxpayer where the document encloses
// one, and the sealed personal data of both.
func (d *creatorDraft) buildWrites(ctx context.Context, s *Service, c call) (writeSet, error) {
	k, err := d.withStoredPayout(c)
	if err != nil {
		return writeSet{}, err
	}
	w := writeSet{taxpayer: ident.Taxpayer(d.owner.id)}
	records := map[string]map[string]string{}
	if d.Payout != nil {
		if err := d.setPayoutAccount(ctx, s, c, &k); err != nil {
			return writeSet{}, err
		}
		records[vault.CreatorRecord(ident.Creator(c.id))] = map[string]string{
			vault.Account: d.Payout.Account,
			vault.Holder:  d.Payout.Holder}
	}
	k.CreatorID = ident.Creator(c.id)
	k.TaxpayerID = ident.Taxpayer(d.owner.id)
	k.Version = c.version
	k.By = c.Subject
	w.objects = append(w.objects, versionObject(c, k))
	if d.owner.new {
		t, fields, err := d.newTaxpayerObject(c)
		if err != nil {
			return writeSet{}, err
		}
		w.objects = append(w.objects, t)
		records[vault.TaxpayerRecord()] = fields
	}
	// Without new personal data there is nothing to seal.
	if len(records) > 0 {
		sealed, err := s.Vault.Seal(ctx, c.Tenant, ident.Taxpayer(d.owner.id), records)
		if err != nil {
			return writeSet{}, err
		}
		w.sealed = []vault.Sealing{sealed}
	}
	return w, nil
}

// withStoredPayout returns the creator with the payout account of the version before: the masked
// account, its dates and its hashes.
func (d *creatorDraft) withStoredPayout(c call) (storedCreator, error) {
	k := storedCreator{Creator: d.toCreator()}
	if c.previous == nil {
		return k, nil
	}
	var before storedCreator
	if err := json.Unmarshal(c.previous, &before); err != nil {
		return k, fault.Internal(err)
	}
	k.Payout = before.Payout
	k.PayoutSince = before.PayoutSince
	k.PayoutAt = before.PayoutAt
	k.PayoutHash = before.PayoutHash
	k.HolderHash = before.HolderHash
	return k, nil
}

// setPayoutAccount puts the masked payout account and its keyed hashes into the creator's version.
// PayoutSince and PayoutAt change only when the account differs from the stored one: review rules
// treat a changed account as a risk.
func (d *creatorDraft) setPayoutAccount(ctx context.Context, s *Service, c call,
	k *storedCreator) error {
	k.Payout = d.Payout.Masked()
	k.HolderHash = nameHash(c, strings.TrimSpace(d.Payout.Holder))
	account := c.hash.Hash("payout", string(c.Tenant), d.Payout.Method, d.Payout.Account,
		d.Payout.Holder)
	if account == k.PayoutHash {
		return nil
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Temporary(err)
	}
	k.PayoutHash = account
	k.PayoutSince = today
	k.PayoutAt = s.Clock.Instant()
	return nil
}

// newTaxpayerObject returns the first version of the enclosed taxpayer and its fields to be sealed,
// as POST /v1/taxpayers would write them.
func (d *creatorDraft) newTaxpayerObject(c call) (tenancy.Object, map[string]string, error) {
	along, err := call{Caller: c.Caller, hash: c.hash, kind: tenancy.KindTaxpayer, id: d.owner.id,
		version: 1}.withDigest(d.Taxpayer)
	if err != nil {
		return tenancy.Object{}, nil, err
	}
	return d.Taxpayer.buildObject(along)
}
