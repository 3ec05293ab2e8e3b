package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
)

// Store keeps pointers, versions, history and refusals, and the archives of packs. An error of a
// read that is neither fault.NotFound nor TooLargeError means that the store cannot be reached.
type Store interface {
	ruleset.PackStore
	// Latest reads the pointers as they are now, for somebody who will change them.
	LatestState(ctx context.Context) (ruleset.State, error)
	// Object reads an object of the rules bucket that must be smaller than a bound.
	ReadObject(ctx context.Context, name string, most int64) ([]byte, error)
	// Keep writes an archive once. taken is true when the name was taken before; then nothing was
	// written.
	StoreArchive(ctx context.Context, pack, version string, archive []byte) (taken bool, err error)
	// Version reads one version; Versions lists those of a pack in their order.
	FindVersion(ctx context.Context, pack, version string) (Version, error)
	ListVersions(ctx context.Context, pack string) ([]Version, error)
	// History and Refusals list what happened last, newest first.
	ListChanges(ctx context.Context, pack string, most int32) ([]Change, error)
	ListRefusals(ctx context.Context, most int32) ([]Refusal, error)
	// Refuse records a refusal; recording the same one again changes nothing.
	RecordRefusal(ctx context.Context, r Refusal) error
	// Apply writes a change with its one audit record. The error is optimistic.ErrRival or ErrDone
	// when nothing was written.
	ApplyChange(ctx context.Context, w Write) error
}

// TooLargeError reports an object that is larger than its bound in bytes.
type TooLargeError struct {
	Name string
	Most int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("rulesetdb: %s is larger than %d bytes", e.Name, e.Most)
}

// ArchiveName is where a version's archive lies in the bucket.
func ArchiveName(pack, version string) string { return "packs/" + pack + "/" + version + ".zip" }

// Version is a verified version of a pack as it is recorded.
type Version struct {
	Pack     string     `json:"pack"`
	Version  string     `json:"version"`
	SHA256   string     `json:"sha256"`
	Object   string     `json:"object"`
	Key      string     `json:"key"` // that signed the manifest
	Examples int        `json:"examples"`
	Skipped  int        `json:"skipped"`
	At       time.Time  `json:"at"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	// filled in for reading: it follows from the pointers
	State rulepack.State `json:"state,omitempty"`
}

// Ref names it for the pointers.
func (v Version) Ref() ruleset.Ref { return ruleset.Ref{Version: v.Version, SHA256: v.SHA256} }

// Change is one entry of a pack's history.
type Change struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Act    string    `json:"act"` // as in the audit record: rules.stored, rules.activated ...
	Pack   string    `json:"pack"`
	From   string    `json:"from,omitempty"` // the version that computed before
	To     string    `json:"to"`             // the version that the change is about
	SHA256 string    `json:"sha256,omitempty"`
	By     string    `json:"by,omitempty"`
	Why    string    `json:"why,omitempty"`
	Rev    int64     `json:"rev,omitempty"` // of the pointers, where they moved
}

// Refusal is a pack or a request that was refused, and why.
type Refusal struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	What string    `json:"what"` // the manifest's place, or the request
	Why  string    `json:"why"`
}

// Write is one change with everything that belongs to it: all of it is written, or nothing.
type Write struct {
	Change  Change
	Version *Version       // a new one, or one that is revoked now
	State   *ruleset.State // the pointers after the change
	Request string         // hash of the manifest that asked, for a wish that must be fulfilled once
	Event   any            // the event for the bus, a TaxPolicyUpdatedEvent
}

// ErrAlreadyFulfilled means that the request of this write was fulfilled before.
var ErrAlreadyFulfilled = errors.New("publish: the request was fulfilled before")

// EventName is what the event bus calls a change of the pointers.
const EventName = "TaxPolicyUpdatedEvent"
