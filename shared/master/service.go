// Package master makes and changes a tenant's master data: paying entities, taxpayers, creators,
// contracts, reward strategies, tax positions and review rules.
package master

import (
	"context"
	"encoding/json"
	"errors"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// Store keeps the versions of objects. None of its reads come from memory.
type Store interface {
	// First and Latest read an object's first and newest version; the second result is false when
	// there is none.
	FirstVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) (tenancy.Stored, bool, error)
	LatestVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) (tenancy.Stored, bool, error)
	// VersionDocs reads all versions of an object, oldest first.
	VersionDocs(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) ([]json.RawMessage, error)
	// TaxpayerByHash finds the taxpayer of a keyed hash of ID type and number; "" when there is none.
	TaxpayerByHash(ctx context.Context, tenant ident.Tenant, hash string) (string, error)
	// ContractGuard counts the changes of a creator's contracts; it is read before they are.
	ContractGuard(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (int, error)
	// CreatorContracts reads all versions of all contracts of a creator.
	CreatorContracts(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) ([]tenancy.Contract, error)
	// Put writes a change completely or not at all. The error is optimistic.ErrRival when somebody
	// else wrote first.
	Put(ctx context.Context, c tenancy.Change) error
}

// Service makes, changes and reads master data. It is safe for concurrent use.
type Service struct {
	Store         Store
	Vault         *vault.Vault
	Secret        func(context.Context) (string, error) // the key of keyed hashes
	Clock         clock.Clock
	NewID         func() string
	Corpus        func(context.Context) *tax.Corpus // the rules in force
	MergeFollowUp MergeFollowUp                     // carries a merge on to tax rows and open settlements
}

// Caller is the person who acts, and the trace of the request in which it does.
type Caller struct {
	identity.Principal
	Trace string
}

// Answer is an object as it is now, in the public form: personal data masked, hashes left out.
type Answer struct {
	Object   any
	Repeated bool // the same call had been answered before; nothing was written
}

// Create makes an object from its JSON document. The same document again finds the object that it
// made.
//
// Errors: 2001 with every problem; 2002 object_exists when the id belongs to an object with other
// content.
func (s *Service) Create(ctx context.Context, by Caller, name tenancy.Kind,
	body []byte) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) {
		d, c, err := s.begin(ctx, call{Caller: by, kind: name}, body)
		if err != nil {
			return Answer{}, err
		}
		if c.id, err = d.locate(ctx, s, c); err != nil {
			return Answer{}, err
		}
		first, exists, err := s.Store.FirstVersion(ctx, c.Tenant, name, c.id)
		if err != nil {
			return Answer{}, err
		}
		if exists {
			return repeated(c, first)
		}
		return s.write(ctx, d, c)
	})
}

// repeated answers a creation whose object is there already.
func repeated(c call, first tenancy.Stored) (Answer, error) {
	if first.Digest != c.digest {
		return Answer{}, fault.New(fault.OtherContent, "object_exists",
			"There is already a "+string(c.kind)+" "+c.id+
				" with other content; change it with PUT, or choose another id.")
	}
	return replay(c.kind, first)
}

// replay answers a call that had been carried out before.
func replay(name tenancy.Kind, found tenancy.Stored) (Answer, error) {
	shown, err := show(name, found.Doc)
	return Answer{shown, true}, err
}

// Change adds a version to the object that id names. The document names the version that its sender
// had read.
//
// Errors: 2001 with every problem; 3002 stale_version when another change came first; 3003.
func (s *Service) Change(ctx context.Context, by Caller, name tenancy.Kind, id string,
	body []byte) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) {
		d, c, err := s.begin(ctx, call{Caller: by, kind: name, id: id, change: true}, body)
		if err != nil {
			return Answer{}, err
		}
		latest, err := s.latest(ctx, c.Tenant, name, id)
		if err != nil {
			return Answer{}, err
		}
		return s.replace(ctx, d, c, latest)
	})
}

// replace writes a draft over the version that it names, where that is the newest one.
func (s *Service) replace(ctx context.Context, d draft, c call,
	latest tenancy.Stored) (Answer, error) {
	_, seen := d.head()
	if latest.Version > 0 && seen == latest.Version-1 &&
		latest.Digest == c.digest { // our own change, its answer was lost
		return replay(c.kind, latest)
	}
	if seen != latest.Version {
		return Answer{}, stale()
	}
	c.version = latest.Version + 1
	c.previous = latest.Doc
	return s.write(ctx, d, c)
}

func stale() error {
	return fault.New(fault.StaleVersion, "stale_version",
		"Somebody changed it first; read it again, then send your change with its version.")
}

// latest reads the newest version of an object; what has not the form of an id names none.
func (s *Service) latest(ctx context.Context, tenant ident.Tenant, name tenancy.Kind,
	id string) (tenancy.Stored, error) {
	if len(tenancy.IDProblems("id", id)) > 0 {
		return tenancy.Stored{}, fault.Absent(string(name))
	}
	found, exists, err := s.Store.LatestVersion(ctx, tenant, name, id)
	if err == nil && !exists {
		err = fault.Absent(string(name))
	}
	return found, err
}

// begin reads a document into a draft and completes the call; the error lists all problems of both.
func (s *Service) begin(ctx context.Context, c call, body []byte) (draft, call, error) {
	c.today = civil.DateOf(s.Clock.Now())
	c.version = 1
	c.corpus = s.Corpus(ctx)
	var readable map[string]json.RawMessage
	if unreadable := strictjson.Decode(body,
		&readable); len(unreadable) > 0 { // nothing can be said of the fields
		return nil, c, fault.Invalid(unreadable...)
	}
	d := kinds()[c.kind].draft()
	problems := strictjson.Decode(body, d)
	secret, err := s.Secret(ctx)
	if err != nil {
		return nil, c, fault.Later(err)
	}
	if c.hash, err = vault.NewHasher(secret); err != nil {
		return nil, c, fault.Internal(err)
	}
	problems = merge(problems, append(headProblems(d, c), d.problems(c)...))
	if len(problems) > 0 {
		more, err := d.against(ctx, s, c)
		if err != nil {
			return nil, c, err
		}
		return nil, c, fault.Invalid(merge(problems, more)...)
	}
	c, err = c.digested(d)
	return d, c, err
}

// write checks the draft among the tenant's other objects and writes it with its audit record.
func (s *Service) write(ctx context.Context, d draft, c call) (Answer, error) {
	problems, err := d.against(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if len(problems) > 0 {
		return Answer{}, fault.Invalid(problems...)
	}
	w, err := d.build(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if c.change {
		return s.commit(ctx, c.Caller, w, string(c.kind)+".changed")
	}
	return s.commit(ctx, c.Caller, w, string(c.kind)+".created")
}

// commit writes all of an act and answers its first object.
func (s *Service) commit(ctx context.Context, by Caller, w written, act string) (Answer, error) {
	versions := map[string]int{}
	for _, o := range w.objects {
		versions[string(o.Kind)+" "+o.ID] = o.Version
	}
	what, err := json.Marshal(map[string]any{"versions": versions})
	if err != nil {
		return Answer{}, fault.Internal(err)
	}
	first := w.objects[0]
	err = s.Store.Put(ctx, tenancy.Change{Objects: w.objects, Sealed: w.sealed, Record: audit.Record{
		ID: s.NewID(), Tenant: by.Tenant, At: s.Clock.Instant(), Actor: by.Subject, Act: act,
		Object: first.ID,
		What:   what, Why: w.why, TaxID: w.taxpayer, Trace: by.Trace,
	}})
	if err != nil {
		return Answer{}, err
	}
	doc, err := json.Marshal(first.Doc)
	if err != nil {
		return Answer{}, fault.Internal(err)
	}
	shown, err := show(first.Kind, doc)
	return Answer{Object: shown}, err
}

// Problems lists what is wrong with a document from which an object is to be made; one whose object
// is there already with the same content has none. Nothing is written.
func (s *Service) Problems(ctx context.Context, by Caller, name tenancy.Kind,
	body []byte) ([]fault.Field, error) {
	d, c, err := s.begin(ctx, call{Caller: by, kind: name}, body)
	var invalid *fault.Error
	if errors.As(err, &invalid) && invalid.Code == fault.InvalidInput {
		return invalid.Fields, nil
	}
	if err != nil {
		return nil, err
	}
	if c.id, err = d.locate(ctx, s, c); err != nil {
		return nil, err
	}
	first, exists, err := s.Store.FirstVersion(ctx, c.Tenant, name, c.id)
	switch {
	case err != nil:
		return nil, err
	case exists && first.Digest == c.digest:
		return nil, nil
	case exists:
		return []fault.Field{{Field: string(name) + "_id",
			Problem: "is there already with other content; leave the row out, or choose another id"}}, nil
	}
	return d.against(ctx, s, c)
}
