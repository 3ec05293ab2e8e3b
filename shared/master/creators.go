package master

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// creatorDraft is a creator with its payout account in clear, and with a taxpayer that is there
// already or comes with it. In a change, a payout that is left out stays as it is.
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

	owner owner
}

// storedCreator is the masked creator with keyed hashes of its payout account and of the account's
// holder, to compare without reading.
type storedCreator struct {
	tenancy.Creator
	PayoutHash string `json:"payout_hash,omitempty"`
	HolderHash string `json:"holder_hash,omitempty"`
}

// owner is the taxpayer of a creator as it was found.
type owner struct {
	id  string
	new bool // comes with the creator
}

func (d *creatorDraft) head() (string, int) { return string(d.CreatorID), d.Version }

func (d *creatorDraft) creator() tenancy.Creator {
	return tenancy.Creator{From: d.From, CreatorID: d.CreatorID, Nickname: d.Nickname, Level: d.Level,
		Accounts: d.Accounts}
}

func (d *creatorDraft) problems(c call) []fault.Field {
	found := d.creator().Problems()
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
		found = append(found, d.ownerProblems(c)...)
	case d.TaxpayerID != "":
		found = append(found, tenancy.IDProblems("taxpayer_id", string(d.TaxpayerID))...)
	case !c.change:
		found = append(found,
			fault.Field{Field: "taxpayer_id", Problem: "must be given, or taxpayer instead"})
	}
	return found
}

// ownerProblems checks the taxpayer that comes along; one that is known already needs no profiles.
func (d *creatorDraft) ownerProblems(c call) []fault.Field {
	var found fault.Problems
	for _, p := range append(headProblems(d.Taxpayer,
		call{kind: tenancy.KindTaxpayer, corpus: c.corpus}), d.Taxpayer.problems(c)...) {
		if p.Field != "profiles" {
			found.Add("taxpayer."+p.Field, p.Problem)
		}
	}
	return found
}

func (d *creatorDraft) content() any {
	var along any
	if d.Taxpayer != nil {
		along = d.Taxpayer.content()
	}
	return struct {
		Creator    tenancy.Creator
		TaxpayerID ident.Taxpayer
		Taxpayer   any
		Payout     *tenancy.PayoutAccount
	}{d.creator(), d.TaxpayerID, along, d.Payout}
}

func (d *creatorDraft) locate(_ context.Context, _ *Service, c call) (string, error) {
	return located(d, c), nil
}

// against finds the taxpayer and holds the payout account against it.
func (d *creatorDraft) against(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
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
		return d.alongside(ctx, s, c)
	}
	if id == "" {
		return nil, nil
	}
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, tenancy.KindTaxpayer, string(id))
	if err != nil {
		return nil, err
	}
	if !exists {
		return []fault.Field{{Field: "taxpayer_id", Problem: "names no taxpayer of yours"}}, nil
	}
	t, err := readTaxpayer(latest.Doc)
	if err == nil && c.previous == nil {
		// a creator that is there already keeps the taxpayer under which its account is sealed
		t, err = s.survivor(ctx, c.Tenant, t)
		id = t.TaxpayerID
	}
	d.owner = owner{id: string(id)}
	return d.payable(t.Profiles), err
}

// alongside looks for the taxpayer that comes along: the same papers are the same taxpayer.
func (d *creatorDraft) alongside(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	if len(d.ownerProblems(c)) > 0 {
		return nil, nil
	}
	along, err := call{Caller: c.Caller, hash: c.hash, kind: tenancy.KindTaxpayer}.digested(d.Taxpayer)
	if err != nil {
		return nil, err
	}
	id, err := d.Taxpayer.locate(ctx, s, along)
	if err != nil {
		return nil, err
	}
	d.owner = owner{id: id}
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, tenancy.KindTaxpayer, id)
	if err != nil {
		return nil, err
	}
	if !exists {
		d.owner.new = true
		found := d.payable(d.Taxpayer.profiles())
		if len(d.Taxpayer.Profiles) == 0 {
			found = append(found,
				fault.Field{Field: "taxpayer.profiles", Problem: "must hold at least one profile"})
		}
		return found, nil
	}
	t, err := readTaxpayer(latest.Doc)
	if err != nil {
		return nil, err
	}
	found := d.agrees(c, t) // with the record that has this number
	if t, err = s.survivor(ctx, c.Tenant, t); err != nil {
		return nil, err
	}
	d.owner.id = string(t.TaxpayerID)
	return append(found, d.payable(t.Profiles)...), nil
}

// agrees compares a known taxpayer with what was said of it.
func (d *creatorDraft) agrees(c call, t storedTaxpayer) []fault.Field {
	clear := d.Taxpayer.person()
	masked := clear.Masked()
	switch {
	case masked.IDType != t.IDType || masked.IDNumber != t.IDNumber:
		return []fault.Field{{Field: "taxpayer.taxpayer_id", Problem: "is that of another taxpayer"}}
	case nameHash(c, clear.Name) != t.NameHash:
		return []fault.Field{{Field: "taxpayer.name",
			Problem: string("is not the name of taxpayer " + t.TaxpayerID + ", who has this number")}}
	case len(d.Taxpayer.Profiles) > 0 && !sameProfiles(d.Taxpayer.profiles(), t.Profiles):
		return []fault.Field{
			{Field: "taxpayer.profiles",
				Problem: string("differ from those of taxpayer " + t.TaxpayerID +
					", who has this number; change them by its own route")}}
	}
	return nil
}

func sameProfiles(a, b []tenancy.Profile) bool {
	return slices.EqualFunc(a, b, func(p, q tenancy.Profile) bool {
		papers := slices.Equal(p.Papers, q.Papers)
		p.Papers, q.Papers = nil, nil
		return papers && reflect.DeepEqual(p, q)
	})
}

// payable wants organisations to be paid to a bank account: wallets belong to people.
func (d *creatorDraft) payable(profiles []tenancy.Profile) []fault.Field {
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

func (d *creatorDraft) build(ctx context.Context, s *Service, c call) (written, error) {
	k := storedCreator{Creator: d.creator()}
	if c.previous != nil {
		var before storedCreator
		if err := json.Unmarshal(c.previous, &before); err != nil {
			return written{}, fault.Internal(err)
		}
		k.Payout = before.Payout
		k.PayoutSince = before.PayoutSince
		k.PayoutAt = before.PayoutAt
		k.PayoutHash = before.PayoutHash
		k.HolderHash = before.HolderHash
	}
	w := written{taxpayer: ident.Taxpayer(d.owner.id)}
	records := map[string]map[string]string{}
	if d.Payout != nil {
		if err := d.recorded(ctx, s, c, &k); err != nil {
			return written{}, err
		}
		records[vault.CreatorRecord(ident.Creator(c.id))] = map[string]string{vault.Account: d.Payout.Account,
			vault.Holder: d.Payout.Holder}
	}
	k.CreatorID = ident.Creator(c.id)
	k.TaxpayerID = ident.Taxpayer(d.owner.id)
	k.Version = c.version
	k.By = c.Subject
	w.objects = append(w.objects, versionOf(c, k))
	if d.owner.new {
		t, fields, err := d.newOwner(c)
		if err != nil {
			return written{}, err
		}
		w.objects = append(w.objects, t)
		records[vault.TaxpayerRecord()] = fields
	}
	if len(records) == 0 {
		return w, nil
	}
	sealed, err := s.Vault.Seal(ctx, c.Tenant, ident.Taxpayer(d.owner.id), records)
	if err != nil {
		return written{}, err
	}
	w.sealed = []vault.Sealing{sealed}
	return w, nil
}

// recorded puts the payout account into the creator's version; the same account again keeps its
// dates.
func (d *creatorDraft) recorded(ctx context.Context, s *Service, c call, k *storedCreator) error {
	k.Payout = d.Payout.Masked()
	k.HolderHash = nameHash(c, strings.TrimSpace(d.Payout.Holder))
	account := c.hash.Hash("payout", string(c.Tenant), d.Payout.Method, d.Payout.Account,
		d.Payout.Holder)
	if account == k.PayoutHash {
		return nil
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Later(err)
	}
	k.PayoutHash = account
	k.PayoutSince = today
	k.PayoutAt = s.Clock.Instant()
	return nil
}

// newOwner gives the taxpayer's first version as its own route would write it.
func (d *creatorDraft) newOwner(c call) (tenancy.Object, map[string]string, error) {
	along, err := call{Caller: c.Caller, hash: c.hash, kind: tenancy.KindTaxpayer, id: d.owner.id,
		version: 1}.digested(d.Taxpayer)
	if err != nil {
		return tenancy.Object{}, nil, err
	}
	return d.Taxpayer.object(along)
}

func itoa(n int) string { return strconv.Itoa(n) }
