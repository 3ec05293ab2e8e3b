package master

import (
	"context"
	"encoding/json"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
	"fenzhang/shared/vault"
)

// draft is a document of master data as a client sends it, before it is validated and stored.
type draft interface {
	// idAndVersion returns the id and the version that the document names; "" and 0 when it names
	// none.
	idAndVersion() (id string, version int)
	// problems lists the invalid fields, judged by the document alone.
	problems(c call) []fault.Field
	// digestContent returns the fields that decide whether two calls are the same call. Only the keyed
	// hash of their JSON is stored, so the names of these fields must never change.
	digestContent() any
	// findID returns the id of the object that the document describes; a document may leave it out.
	findID(ctx context.Context, s *Service, c call) (string, error)
	// conflicts lists what contradicts the tenant's other objects; problems of the document alone are
	// not repeated.
	conflicts(ctx context.Context, s *Service, c call) ([]fault.Field, error)
	// buildWrites returns everything that the call has to store.
	buildWrites(ctx context.Context, s *Service, c call) (writeSet, error)
}

// call is one creation or change of one object by one caller.
type call struct {
	Caller
	kind   tenancy.Kind
	id     string
	change bool         // true when the call changes an existing object
	today  civil.Date   // business date of the call, by which birth dates are checked
	hash   vault.Hasher // keyed hashes of personal data
	// keyed hash of the document's content, by which a repeated call is recognised
	digest   string
	version  int             // number of the object's version to be written
	previous json.RawMessage // document of the object's version before; nil for a creation
	corpus   *tax.Corpus     // tax rules in force, which know the places and the open questions of law
}

// writeSet is everything that one act stores in one transaction.
type writeSet struct {
	// objects to be stored; the first one is the object that the call is about
	objects  []tenancy.Object
	sealed   []vault.Sealing
	taxpayer ident.Taxpayer // taxpayer whom the act concerns, for the audit record
	why      string         // reason that the caller gave, for the audit record; may be empty
}

// kindSpec says, for one kind of master data, how a document is read and how a stored object is
// shown.
type kindSpec struct {
	draft func() draft
	show  func(json.RawMessage) (any, error)
}

// kindSpecs returns the specification of every kind of master data.
func kindSpecs() map[tenancy.Kind]kindSpec {
	return map[tenancy.Kind]kindSpec{
		tenancy.KindEntity: {func() draft {
			return &entityDraft{}
		}, decodePublicForm[tenancy.PayingEntity]},
		tenancy.KindTaxpayer: {func() draft {
			return &taxpayerDraft{}
		}, decodePublicForm[tenancy.Taxpayer]},
		tenancy.KindCreator: {func() draft {
			return &creatorDraft{}
		}, decodePublicForm[tenancy.Creator]},
		tenancy.KindContract: {func() draft {
			return &contractDraft{}
		}, decodePublicForm[tenancy.Contract]},
		tenancy.KindStrategy: {func() draft {
			return &strategyDraft{}
		}, decodePublicForm[tenancy.Strategy]},
		tenancy.KindPosition: {func() draft {
			return &positionDraft{}
		}, decodePublicForm[tenancy.Position]},
		tenancy.KindReview: {func() draft { return &reviewDraft{} }, decodePublicForm[review.Rules]},
	}
}

// publicForm decodes a stored object and returns its public form: personal data masked, hashes left
// out.
func publicForm(kind tenancy.Kind, doc json.RawMessage) (any, error) {
	return kindSpecs()[kind].show(doc)
}

// decodePublicForm decodes a stored document into the public type V, which has no fields for
// hashes.
func decodePublicForm[V any](doc json.RawMessage) (any, error) {
	var v V
	if err := json.Unmarshal(doc, &v); err != nil {
		return nil, fault.Internal(err)
	}
	return v, nil
}

// withDigest returns the call with the keyed hash of the draft's content.
func (c call) withDigest(d draft) (call, error) {
	content, err := json.Marshal(d.digestContent())
	if err != nil {
		return c, fault.Internal(err)
	}
	c.digest = c.hash.Hash("content", string(c.Tenant), string(c.kind), string(content))
	return c, nil
}

// idAndVersionProblems checks the id and the version in the document: a change names the version
// that its sender had read, a creation names none.
func idAndVersionProblems(d draft, c call) []fault.Field {
	id, version := d.idAndVersion()
	var found fault.Problems
	found.AddIf(c.change && version < 1, "version", "must be the version that you read")
	found.AddIf(!c.change && version != 0, "version", "is for changes only")
	found.AddIf(c.change && id != "" && id != c.id, string(c.kind)+"_id",
		"must be that of the path, or left out")
	return found
}

// addUnreportedFields appends the problems of fields that have no problem yet, so that no field is
// reported twice. A problem of a list hides those of its elements.
func addUnreportedFields(problems, more []fault.Field) []fault.Field {
	for _, m := range more {
		known := false
		for _, p := range problems {
			known = known || p.Field == m.Field || strings.HasPrefix(m.Field, p.Field+".")
		}
		if !known {
			problems = append(problems, m)
		}
	}
	return problems
}

// versionObject returns the object to be stored for the version of a document that the call writes.
func versionObject(c call, doc any) tenancy.Object {
	return tenancy.Object{Kind: c.kind, ID: c.id, Version: c.version, Doc: doc, Digest: c.digest}
}

// stampVersion sets the number and the author of the version that the call writes; the dates stay.
func stampVersion(c call, v tenancy.Version) tenancy.Version {
	v.Version = c.version
	v.By = c.Subject
	return v
}

// reservedFieldProblems refuses fields that only the system may set. Each pair is the name of a
// field and its value in the document.
func reservedFieldProblems(fields ...[2]string) []fault.Field {
	var found fault.Problems
	for _, f := range fields {
		found.AddIf(f[1] != "", f[0], "is not a known field")
	}
	return found
}

// givenOrDerivedID returns the id that the document names. Without one the id is derived from the
// digest of the content, so that the same creation sent again finds the object that it made.
func givenOrDerivedID(d draft, c call) string {
	if id, _ := d.idAndVersion(); id != "" {
		return id
	}
	// 24 hexadecimal digits are 96 bits: enough against collisions, and short to read.
	return string(c.kind) + "-" + c.digest[:24]
}

// selfContained is embedded in drafts that refer to no other object.
type selfContained struct{}

// conflicts returns no problems.
func (selfContained) conflicts(context.Context, *Service, call) ([]fault.Field, error) {
	return nil, nil
}
