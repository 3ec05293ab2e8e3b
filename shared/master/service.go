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

// Store keeps the versions of objects. All its reads are consistent reads of the table.
type Store interface {
	// FirstVersion and LatestVersion read the first and the newest version of an object; the second
	// result is false when there is no such object.
	FirstVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) (tenancy.Stored, bool, error)
	LatestVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) (tenancy.Stored, bool, error)
	// VersionDocs reads all versions of an object, oldest first.
	VersionDocs(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) ([]json.RawMessage, error)
	// TaxpayerByHash returns the id of the taxpayer with this keyed hash of ID type and number; ""
	// when there is none.
	TaxpayerByHash(ctx context.Context, tenant ident.Tenant, hash string) (string, error)
	// ContractGuard returns the number of changes to a creator's contracts; it must be read before the
	// contracts are.
	ContractGuard(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (int, error)
	// CreatorContracts reads all versions of all contracts of a creator.
	CreatorContracts(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) ([]tenancy.Contract, error)
	// Put stores a change completely or not at all. Put returns optimistic.ErrRival when another write
	// came first.
	Put(ctx context.Context, c tenancy.Change) error
}

// Service creates, changes and reads master data. Service is safe for concurrent use.
type Service struct {
	Store  Store
	Vault  *vault.Vault
	Secret func(context.Context) (string, error) // the key of keyed hashes
	Clock  clock.Clock
	NewID  func() string
	Corpus func(context.Context) *tax.Corpus // the rules in force
	// moves tax rows and open settlements after an approved merge
	MergeFollowUp MergeFollowUp
}

// Caller is the person who calls, and the trace of the request.
type Caller struct {
	identity.Principal
	Trace string
}

// Answer is an object in its public form, with personal data masked and hashes left out.
type Answer struct {
	Object   any
	Repeated bool // true when the same call was answered before and nothing was written now
}

// Create makes an object from its JSON document. The same document sent again answers the object
// that exists.
//
// Errors: 2001 with every problem; 2002 object_exists when the id belongs to an object with other
// content.
func (s *Service) Create(ctx context.Context, by Caller, kind tenancy.Kind,
	body []byte) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) {
		d, c, err := s.prepareDraft(ctx, call{Caller: by, kind: kind}, body)
		if err != nil {
			return Answer{}, err
		}
		if c.id, err = d.findID(ctx, s, c); err != nil {
			return Answer{}, err
		}
		first, exists, err := s.Store.FirstVersion(ctx, c.Tenant, kind, c.id)
		if err != nil {
			return Answer{}, err
		}
		if exists {
			return answerRepeatedCreate(c, first)
		}
		return s.writeDraft(ctx, d, c)
	})
}

// answerRepeatedCreate answers a creation whose object exists: the object when the content is the
// same, else 2002 object_exists.
func answerRepeatedCreate(c call, first tenancy.Stored) (Answer, error) {
	if first.Digest != c.digest {
		return Answer{}, fault.New(fault.OtherContent, "object_exists",
			"There is already a "+string(c.kind)+" "+c.id+
				" with other content; change it with PUT, or choose another id.")
	}
	return answerRepeat(c.kind, first)
}

// answerRepeat answers a call that was carried out before, with the stored object.
func answerRepeat(kind tenancy.Kind, found tenancy.Stored) (Answer, error) {
	shown, err := publicForm(kind, found.Doc)
	return Answer{shown, true}, err
}

// Change adds a version to the object with this id. The document names the version that its sender
// had read.
//
// Errors: 2001 with every problem; 3002 stale_version when another change came first; 3003 when
// there is no such object.
func (s *Service) Change(ctx context.Context, by Caller, kind tenancy.Kind, id string,
	body []byte) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) {
		d, c, err := s.prepareDraft(ctx, call{Caller: by, kind: kind, id: id, change: true}, body)
		if err != nil {
			return Answer{}, err
		}
		latest, err := s.readLatest(ctx, c.Tenant, kind, id)
		if err != nil {
			return Answer{}, err
		}
		return s.replaceLatest(ctx, d, c, latest)
	})
}

// replaceLatest writes a draft as the next version, when the version that the draft names is the
// newest one.
func (s *Service) replaceLatest(ctx context.Context, d draft, c call,
	latest tenancy.Stored) (Answer, error) {
	_, seen := d.idAndVersion()
	// The newest version has the content of this call: the call was carried out, and its answer lost.
	if latest.Version > 0 && seen == latest.Version-1 && latest.Digest == c.digest {
		return answerRepeat(c.kind, latest)
	}
	if seen != latest.Version {
		return Answer{}, staleVersionError()
	}
	c.version = latest.Version + 1
	c.previous = latest.Doc
	return s.writeDraft(ctx, d, c)
}

// staleVersionError returns the error for a change of an object that somebody else has changed.
func staleVersionError() error {
	return fault.New(fault.StaleVersion, "stale_version",
		"Somebody changed it first; read it again, then send your change with its version.")
}

// readLatest reads the newest version of an object. Errors: 3003 when there is no such object, also
// when the text has not the form of an id.
func (s *Service) readLatest(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) (tenancy.Stored, error) {
	if len(tenancy.IDProblems("id", id)) > 0 {
		return tenancy.Stored{}, fault.MissingObject(string(kind))
	}
	found, exists, err := s.Store.LatestVersion(ctx, tenant, kind, id)
	if err == nil && !exists {
		err = fault.MissingObject(string(kind))
	}
	return found, err
}

// prepareDraft decodes a document into a draft and fills in the call. The error of prepareDraft
// lists every problem that can be found, so that a client can mend all of them at once.
func (s *Service) prepareDraft(ctx context.Context, c call, body []byte) (draft, call, error) {
	c.today = civil.DateOf(s.Clock.Now())
	c.version = 1
	c.corpus = s.Corpus(ctx)
	var readable map[string]json.RawMessage
	// A body that is no JSON object has no fields whose problems could be listed.
	if unreadable := strictjson.Decode(body, &readable); len(unreadable) > 0 {
		return nil, c, fault.Invalid(unreadable...)
	}
	d := kindSpecs()[c.kind].draft()
	problems := strictjson.Decode(body, d)
	secret, err := s.Secret(ctx)
	if err != nil {
		return nil, c, fault.Temporary(err)
	}
	if c.hash, err = vault.NewHasher(secret); err != nil {
		return nil, c, fault.Internal(err)
	}
	problems = addUnreportedFields(problems, append(idAndVersionProblems(d, c), d.problems(c)...))
	if len(problems) > 0 {
		// Conflicts with other objects are listed together with the invalid fields.
		more, err := d.conflicts(ctx, s, c)
		if err != nil {
			return nil, c, err
		}
		return nil, c, fault.Invalid(addUnreportedFields(problems, more)...)
	}
	c, err = c.withDigest(d)
	return d, c, err
}

// writeDraft checks the draft against the tenant's other objects and stores it with its audit
// record.
func (s *Service) writeDraft(ctx context.Context, d draft, c call) (Answer, error) {
	problems, err := d.conflicts(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if len(problems) > 0 {
		return Answer{}, fault.Invalid(problems...)
	}
	w, err := d.buildWrites(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if c.change {
		return s.commitWrites(ctx, c.Caller, w, string(c.kind)+".changed")
	}
	return s.commitWrites(ctx, c.Caller, w, string(c.kind)+".created")
}

// commitWrites stores a write set with its audit record in one transaction and answers its first
// object.
func (s *Service) commitWrites(ctx context.Context, by Caller, w writeSet,
	act string) (Answer, error) {
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
	shown, err := publicForm(first.Kind, doc)
	return Answer{Object: shown}, err
}

// Problems lists everything that Create would refuse in a document, and stores nothing. A document
// whose object exists with the same content has no problems.
func (s *Service) Problems(ctx context.Context, by Caller, kind tenancy.Kind,
	body []byte) ([]fault.Field, error) {
	d, c, err := s.prepareDraft(ctx, call{Caller: by, kind: kind}, body)
	var invalid *fault.Error
	if errors.As(err, &invalid) && invalid.Code == fault.InvalidInput {
		return invalid.Fields, nil
	}
	if err != nil {
		return nil, err
	}
	if c.id, err = d.findID(ctx, s, c); err != nil {
		return nil, err
	}
	first, exists, err := s.Store.FirstVersion(ctx, c.Tenant, kind, c.id)
	switch {
	case err != nil:
		return nil, err
	case exists && first.Digest == c.digest:
		return nil, nil
	case exists:
		return []fault.Field{{Field: string(kind) + "_id",
			Problem: "is there already with other content; leave the row out, or choose another id"}}, nil
	}
	return d.conflicts(ctx, s, c)
}
