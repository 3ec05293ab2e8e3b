package tenancy

import (
	"encoding/json"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/vault"
)

// Kind is a kind of master data, as it is written in table keys.
type Kind string

// The kinds of master data.
const (
	KindEntity   Kind = "entity"
	KindTaxpayer Kind = "taxpayer"
	KindCreator  Kind = "creator"
	KindContract Kind = "contract"
	KindStrategy Kind = "strategy"
	KindPosition Kind = "position"
	KindReview   Kind = "review" // a tenant's review rules: one object, with the id ReviewID
)

// ReviewID is the id of a tenant's only set of review rules.
const ReviewID = "rules"

// Object is one new version of an object of master data, as it is to be stored.
type Object struct {
	Kind    Kind
	ID      string
	Version int    // 1 creates the object
	Doc     any    // masked document, of a type of package tenancy or master
	Digest  string // keyed hash of the content as it was sent, by which a repeat is recognised
	// Creator is the creator of a contract. Guard is the number of changes to this creator's contracts
	// that had been made when the new version was checked for overlaps.
	Creator ident.Creator
	Guard   int
	// Hash is the keyed hash of ID type and number under which a new taxpayer is found later.
	Hash string
	// MergedInto is the taxpayer into which the act merges this one.
	MergedInto string
}

// Change is everything that one act stores: objects, sealed personal data, and the audit record.
// The record's ID is chosen before the first try and identifies the act.
type Change struct {
	Objects []Object
	Sealed  []vault.Sealing
	// Renewed is a taxpayer all of whose records are now sealed under a data key made at RenewedAt.
	Renewed   string
	RenewedAt time.Time
	Record    audit.Record
}

// Stored is one version of an object as read from the table.
type Stored struct {
	Version int
	Digest  string
	Doc     json.RawMessage
}
