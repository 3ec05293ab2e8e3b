package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
)

// Store keeps pointers, versions, history and refusals, and the archives of packs. If a read fails
// with another error than fault.NotFound or TooLargeError, the store cannot be reached.
type Store interface {
	ruleset.PackStore
	// LatestState reads the pointers strongly consistent, for a caller that will change them.
	LatestState(ctx context.Context) (ruleset.State, error)
	// ReadObject reads an object of the rules bucket of at most the given number of bytes.
	ReadObject(ctx context.Context, name string, most int64) ([]byte, error)
	// StoreArchive writes an archive unless there is one of this version. taken is true if there is;
	// then nothing was written.
	StoreArchive(ctx context.Context, pack, version string, archive []byte) (taken bool, err error)
	// FindVersion reads the record of a version; ListVersions lists those of a pack, lowest first.
	FindVersion(ctx context.Context, pack, version string) (Version, error)
	ListVersions(ctx context.Context, pack string) ([]Version, error)
	// ListChanges and ListRefusals list the last changes of a pack and the last refusals, newest
	// first.
	ListChanges(ctx context.Context, pack string, most int32) ([]Change, error)
	ListRefusals(ctx context.Context, most int32) ([]Refusal, error)
	// RecordRefusal stores a refusal; storing the same refusal again changes nothing.
	RecordRefusal(ctx context.Context, r Refusal) error
	// ApplyChange writes a change together with its audit record. If nothing was written, the error is
	// optimistic.ErrRival or ErrAlreadyFulfilled.
	ApplyChange(ctx context.Context, w Write) error
}

// TooLargeError reports an object that is larger than the limit in bytes.
type TooLargeError struct {
	Name string
	Most int64
}

// Error names the object and the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("rulesetdb: %s is larger than %d bytes", e.Name, e.Most)
}

// ArchiveName returns the object key of a version's archive in the rules bucket.
func ArchiveName(pack, version string) string { return "packs/" + pack + "/" + version + ".zip" }

// Version is the record of a stored and verified version of a pack.
type Version struct {
	Pack     string     `json:"pack"`
	Version  string     `json:"version"`
	SHA256   string     `json:"sha256"`
	Object   string     `json:"object"`
	Key      string     `json:"key"` // id of the key that signed the manifest
	Examples int        `json:"examples"`
	Skipped  int        `json:"skipped"`
	At       time.Time  `json:"at"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	// State is not stored: Publisher.Status derives it from the pointers.
	State rulepack.State `json:"state,omitempty"`
}

// Ref returns the version's number and hash, as the pointers name a version.
func (v Version) Ref() ruleset.Ref { return ruleset.Ref{Version: v.Version, SHA256: v.SHA256} }

// Change is one entry of a pack's history.
type Change struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// the act's name in the audit record: rules.stored, rules.activated ...
	Act    string `json:"act"`
	Pack   string `json:"pack"`
	From   string `json:"from,omitempty"` // the version that was active before
	To     string `json:"to"`             // the version that the change concerns
	SHA256 string `json:"sha256,omitempty"`
	By     string `json:"by,omitempty"`
	Why    string `json:"why,omitempty"`
	Rev    int64  `json:"rev,omitempty"` // revision of the pointers, if they changed
}

// Refusal is the record of a pack or an order that was refused.
type Refusal struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	What string    `json:"what"` // the object key of the manifest, or the order
	Why  string    `json:"why"`
}

// Write is one change with everything that is written with it, in one transaction.
type Write struct {
	Change  Change
	Version *Version       // the record of a new version or of one that is being revoked
	State   *ruleset.State // the pointers after the change
	Request string         // id of the upload that wants the change and must be fulfilled only once
	Event   any            // the TaxPolicyUpdatedEvent for the event bus, nil for none
}

// ErrAlreadyFulfilled means that the upload that wants this change was fulfilled before.
var ErrAlreadyFulfilled = errors.New("publish: the request was fulfilled before")

// EventName is the name of the event on the event bus.
const EventName = "TaxPolicyUpdatedEvent"
