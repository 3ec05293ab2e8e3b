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

// draft is an object as somebody wants it to be.
type draft interface {
	// head returns the id and the version that the document names, "" and 0 when it names none.
	head() (id string, version int)
	// problems lists what is wrong with it in itself.
	problems(c call) []fault.Field
	// content is what makes another call the same one; only its keyed hash is kept.
	content() any
	// locate finds the object's id when the document does not name it.
	locate(ctx context.Context, s *Service, c call) (string, error)
	// against lists what is wrong with it among the tenant's other objects, without what problems
	// lists.
	against(ctx context.Context, s *Service, c call) ([]fault.Field, error)
	// build returns what is to be written.
	build(ctx context.Context, s *Service, c call) (written, error)
}

// call is one creation or change.
type call struct {
	Caller
	kind     tenancy.Kind
	id       string
	change   bool // of an object that is there
	today    civil.Date
	hash     vault.Hasher
	digest   string
	version  int             // the version to be written
	previous json.RawMessage // the version before, nil for a creation
	corpus   *tax.Corpus     // the rules in force
}

// written is what one act writes.
type written struct {
	objects  []tenancy.Object // the first one is the object that the call is about
	sealed   []vault.Sealing
	taxpayer ident.Taxpayer // whom it concerns, for the audit
	why      string         // the reason that was given, if any
}

// kind is one sort of master data: how a document of it is read, and how a stored one is shown.
type kind struct {
	draft func() draft
	show  func(json.RawMessage) (any, error)
}

func kinds() map[tenancy.Kind]kind {
	return map[tenancy.Kind]kind{
		tenancy.KindEntity:   {func() draft { return &entityDraft{} }, publicForm[tenancy.PayingEntity]},
		tenancy.KindTaxpayer: {func() draft { return &taxpayerDraft{} }, publicForm[tenancy.Taxpayer]},
		tenancy.KindCreator:  {func() draft { return &creatorDraft{} }, publicForm[tenancy.Creator]},
		tenancy.KindContract: {func() draft { return &contractDraft{} }, publicForm[tenancy.Contract]},
		tenancy.KindStrategy: {func() draft { return &strategyDraft{} }, publicForm[tenancy.Strategy]},
		tenancy.KindPosition: {func() draft { return &positionDraft{} }, publicForm[tenancy.Position]},
		tenancy.KindReview:   {func() draft { return &reviewDraft{} }, publicForm[review.Rules]},
	}
}

// show returns a stored object in its public form.
func show(name tenancy.Kind, doc json.RawMessage) (any, error) { return kinds()[name].show(doc) }

func publicForm[V any](doc json.RawMessage) (any, error) {
	var v V
	if err := json.Unmarshal(doc, &v); err != nil {
		return nil, fault.Internal(err)
	}
	return v, nil
}

// digested adds the keyed hash of the draft's content.
func (c call) digested(d draft) (call, error) {
	content, err := json.Marshal(d.content())
	if err != nil {
		return c, fault.Internal(err)
	}
	c.digest = c.hash.Hash("content", string(c.Tenant), string(c.kind), string(content))
	return c, nil
}

// headProblems checks id and version: a change names the version it was decided upon, a creation
// none.
func headProblems(d draft, c call) []fault.Field {
	id, version := d.head()
	var found fault.Problems
	found.AddIf(c.change && version < 1, "version", "must be the version that you read")
	found.AddIf(!c.change && version != 0, "version", "is for changes only")
	found.AddIf(c.change && id != "" && id != c.id, string(c.kind)+"_id",
		"must be that of the path, or left out")
	return found
}

// merge adds problems of fields that have none yet, so that each field is named once.
func merge(problems, more []fault.Field) []fault.Field {
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

// versionOf is the version that a call writes of a document.
func versionOf(c call, doc any) tenancy.Object {
	return tenancy.Object{Kind: c.kind, ID: c.id, Version: c.version, Doc: doc, Digest: c.digest}
}

// stamped returns the dates of the version that a call writes.
func stamped(c call, v tenancy.Version) tenancy.Version {
	v.Version = c.version
	v.By = c.Subject
	return v
}

// reserved refuses fields that only the system sets; the pairs are names and values.
func reserved(fields ...[2]string) []fault.Field {
	var found fault.Problems
	for _, f := range fields {
		found.AddIf(f[1] != "", f[0], "is not a known field")
	}
	return found
}

// located is the id of an object that is known by its id only. Where the document names none, the
// id follows from the content, so that the same call again finds the object.
func located(d draft, c call) string {
	if id, _ := d.head(); id != "" {
		return id
	}
	return string(c.kind) + "-" + c.digest[:24]
}

// alone is a draft that needs no other object.
type alone struct{}

func (alone) against(context.Context, *Service, call) ([]fault.Field, error) { return nil, nil }
