package tenancy

import (
	"encoding/json"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/vault"
)

// Kind is a sort of master data, as it stands in keys.
type Kind string

// The kinds of master data.
const (
	KindEntity   Kind = "entity"
	KindTaxpayer Kind = "taxpayer"
	KindCreator  Kind = "creator"
	KindContract Kind = "contract"
	KindStrategy Kind = "strategy"
	KindPosition Kind = "position"
	KindReview   Kind = "review" // a tenant's rules of review: one object, ReviewID
)

// ReviewID is the id of a tenant's only set of review rules.
const ReviewID = "rules"

// Object is one new version of one object of master data.
type Object struct {
	Kind    Kind
	ID      string
	Version int    // 1 creates the object
	Doc     any    // one of this package's types, masked
	Digest  string // keyed hash of the content as it was sent, to recognise a repeat
	// Creator is the creator of a contract; Guard is the number of changes to the creator's contracts
	// that were seen when this one was decided.
	Creator ident.Creator
	Guard   int
	// Hash is the keyed hash under which a new taxpayer will be found.
	Hash string
	// MergedInto is the taxpayer that this one is merged into by the act.
	MergedInto string
}

// Change is what one act writes: objects, what the vault sealed of them, and the audit record. The
// record's ID is chosen before the first try and names the act.
type Change struct {
	Objects []Object
	Sealed  []vault.Sealing
	// Renewed notes that all records of this taxpayer are now sealed under a data key made at
	// RenewedAt.
	Renewed   string
	RenewedAt time.Time
	Record    audit.Record
}

// Stored is one version of an object as it lies in the table.
type Stored struct {
	Version int
	Digest  string
	Doc     json.RawMessage
}
