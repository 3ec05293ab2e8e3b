// Package vault keeps personal data sealed: each field under AES-256-GCM with a data key of its
// taxpayer, which a master key outside wraps. What is read in clear is told to the audit before it
// is answered (promise P7).
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
)

// Purpose names what data keys are for; it is bound to each wrapped key together with the tenant.
const Purpose = "personal-data"

// KeySize is the size of a data key in bytes: AES-256.
const KeySize = 32

// MaxKeyAge is how long new data is sealed under a data key; then rotation makes another.
const MaxKeyAge = 90 * 24 * time.Hour

// The fields that are sealed.
const (
	Name     = "name"
	IDNumber = "id_number"
	Phone    = "phone"
	Account  = "payout_account"
	Holder   = "holder"
)

// TaxpayerRecord and OfCreator name the records of a taxpayer: its own facts, and the payout account of
// each of its creators.
func TaxpayerRecord() string { return "taxpayer" }

// CreatorRecord names the record of a creator's payout account.
func CreatorRecord(creator ident.Creator) string { return string("creator#" + creator) }

// DataKey is a wrapped data key of a taxpayer.
type DataKey struct {
	Version int
	Wrapped []byte
	Made    time.Time
}

// Record is a set of sealed fields; each value is a nonce followed by the sealed text.
type Record struct {
	Name       string
	KeyVersion int
	Fields     map[string][]byte
	// Revision names the act that wrote the record as it was read; rotation replaces that state only.
	Revision string
}

// Box is all that is stored of a taxpayer: data keys, oldest first, and records by name.
type Box struct {
	Keys    []DataKey
	Records map[string]Record
}

// Sealing is what one act must store: records, and the data key where they are sealed under a new
// one.
type Sealing struct {
	Taxpayer ident.Taxpayer
	NewKey   *DataKey
	Records  []Record
	KeySince time.Time // when the data key of the records was made
}

// Store reads what was stored of a taxpayer; nothing stored is an empty Box.
type Store interface {
	ReadBox(ctx context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer) (Box, error)
}

// KeyMaster wraps data keys. The tenant and the purpose are bound to a wrapped key: it opens for no
// other.
type KeyMaster interface {
	// New makes a data key, in clear and wrapped.
	New(ctx context.Context, tenant ident.Tenant, purpose string) (clear, wrapped []byte, err error)
	// Unwrap gives a data key in clear.
	Unwrap(ctx context.Context, tenant ident.Tenant, purpose string, wrapped []byte) ([]byte, error)
}

// ReadLog takes the record of a read of personal data; only then the data is given out.
type ReadLog interface {
	RecordRead(ctx context.Context, r audit.Record) error
}

// Vault seals and opens. Data keys in clear are wiped after each use and never kept.
type Vault struct {
	Store  Store
	Master KeyMaster
	Reads  ReadLog
	Now    func() time.Time // the real instant
	NewID  func() string
	Random io.Reader // crypto/rand outside of tests
}

// ErrNotSealed tells that the taxpayer has no such record or field.
var ErrNotSealed = errors.New("vault: nothing is sealed there")

// Seal seals records under the taxpayer's newest data key, or under a new one when it has none yet.
// Fields of a record that are not given stay as they are. Nothing is stored: the caller writes the
// Sealing in the transaction of its act.
func (v *Vault) Seal(ctx context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer,
	records map[string]map[string]string) (Sealing, error) {
	box, err := v.Store.ReadBox(ctx, tenant, taxpayer)
	if err != nil {
		return Sealing{}, err
	}
	out := Sealing{Taxpayer: taxpayer}
	var key []byte
	version := 1
	if n := len(box.Keys); n > 0 {
		version = box.Keys[n-1].Version
		key, err = v.Master.Unwrap(ctx, tenant, Purpose, box.Keys[n-1].Wrapped)
	} else {
		key, out.NewKey, err = v.newKey(ctx, tenant, version)
	}
	if err != nil {
		return Sealing{}, err
	}
	defer clear(key)
	for name, fields := range records {
		if fields, err = v.merged(ctx, box, place{tenant, taxpayer, name, version}, fields); err != nil {
			return Sealing{}, err
		}
		r, err := v.seal(key, place{tenant, taxpayer, name, version}, fields)
		if err != nil {
			return Sealing{}, err
		}
		r.Revision = box.Records[name].Revision
		out.Records = append(out.Records, r)
	}
	return out, nil
}

// merged adds to the given fields those that the record holds besides.
func (v *Vault) merged(ctx context.Context, box Box, at place,
	fields map[string]string) (map[string]string, error) {
	old := box.Records[at.record]
	kept := Record{Name: old.Name, KeyVersion: old.KeyVersion, Fields: map[string][]byte{}}
	for name, sealed := range old.Fields {
		if _, given := fields[name]; !given {
			kept.Fields[name] = sealed
		}
	}
	if len(kept.Fields) == 0 {
		return fields, nil
	}
	key, err := v.key(ctx, at.tenant, box, old.KeyVersion)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	at.version = old.KeyVersion
	all, err := open(key, at, kept)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, fields)
	return all, nil
}

func (v *Vault) newKey(ctx context.Context, tenant ident.Tenant,
	version int) ([]byte, *DataKey, error) {
	key, wrapped, err := v.Master.New(ctx, tenant, Purpose)
	if err != nil {
		return nil, nil, err
	}
	return key, &DataKey{Version: version, Wrapped: wrapped, Made: v.Now()}, nil
}

// Access says who opens which record, and why.
type Access struct {
	Tenant     ident.Tenant
	Taxpayer   ident.Taxpayer
	Record     string
	Actor, Why string
	Object     ident.Settlement
	Trace      string
}

// Open gives all fields of a record in clear, after the audit has taken note of it.
// Errors: ErrNotSealed; those of store, master key and audit.
func (v *Vault) Open(ctx context.Context, a Access) (map[string]string, error) {
	box, err := v.Store.ReadBox(ctx, a.Tenant, a.Taxpayer)
	if err != nil {
		return nil, err
	}
	r, ok := box.Records[a.Record]
	if !ok {
		return nil, ErrNotSealed
	}
	key, err := v.key(ctx, a.Tenant, box, r.KeyVersion)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	fields, err := open(key, place{a.Tenant, a.Taxpayer, r.Name, r.KeyVersion}, r)
	if err != nil {
		return nil, err
	}
	err = v.Reads.RecordRead(ctx, audit.Record{
		ID: v.NewID(), Tenant: a.Tenant, At: v.Now(), Actor: a.Actor, Act: "personal_data.read",
		Object: string(a.Object), Why: a.Why, TaxID: a.Taxpayer, Trace: a.Trace,
	})
	if err != nil {
		return nil, fmt.Errorf("vault: a read that is not recorded is not answered: %w", err)
	}
	return fields, nil
}

// IsKeyDue tells whether the newest data key of a box is older than MaxKeyAge at an instant.
func (b Box) IsKeyDue(now time.Time) bool {
	return len(b.Keys) > 0 && now.Sub(b.Keys[len(b.Keys)-1].Made) >= MaxKeyAge
}

// Renew seals all records of a taxpayer anew under the newest data key, and first makes one when
// that is due. Records that are under it already are left out, so a renewal that was stopped goes
// on where it was.
func (v *Vault) Renew(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) (Sealing, error) {
	box, err := v.Store.ReadBox(ctx, tenant, taxpayer)
	if err != nil || len(box.Keys) == 0 {
		return Sealing{Taxpayer: taxpayer}, err
	}
	out := Sealing{Taxpayer: taxpayer, KeySince: box.Keys[len(box.Keys)-1].Made}
	newest := box.Keys[len(box.Keys)-1].Version
	var key []byte
	if box.IsKeyDue(v.Now()) {
		newest++
		out.KeySince = v.Now()
		key, out.NewKey, err = v.newKey(ctx, tenant, newest)
	} else {
		key, err = v.key(ctx, tenant, box, newest)
	}
	if err != nil {
		return Sealing{}, err
	}
	defer clear(key)
	for _, old := range box.Records {
		if old.KeyVersion == newest {
			continue
		}
		r, err := v.reseal(ctx, box, old, key, place{tenant, taxpayer, old.Name, newest})
		if err != nil {
			return Sealing{}, err
		}
		out.Records = append(out.Records, r)
	}
	return out, nil
}

func (v *Vault) reseal(ctx context.Context, box Box, old Record, key []byte,
	at place) (Record, error) {
	before, err := v.key(ctx, at.tenant, box, old.KeyVersion)
	if err != nil {
		return Record{}, err
	}
	defer clear(before)
	fields, err := open(before, place{at.tenant, at.taxpayer, old.Name, old.KeyVersion}, old)
	if err != nil {
		return Record{}, err
	}
	r, err := v.seal(key, at, fields)
	r.Revision = old.Revision
	return r, err
}

// key unwraps the data key of a version.
func (v *Vault) key(ctx context.Context, tenant ident.Tenant, box Box,
	version int) ([]byte, error) {
	for _, k := range box.Keys {
		if k.Version == version {
			return v.Master.Unwrap(ctx, tenant, Purpose, k.Wrapped)
		}
	}
	return nil, fmt.Errorf("vault: data key %d is missing", version)
}

// place is where a field is stored; it is bound to the sealed text, so that none can be moved
// elsewhere.
type place struct {
	tenant   ident.Tenant
	taxpayer ident.Taxpayer
	record   string
	version  int
}

// bound is the additional data of a field: each part with its length, so that no two places look
// alike.
func (p place) bound(field string) []byte {
	var b []byte
	for _, part := range []string{string(p.tenant), string(p.taxpayer), p.record, field} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return binary.BigEndian.AppendUint32(b, uint32(p.version))
}

func (v *Vault) seal(key []byte, at place, fields map[string]string) (Record, error) {
	gcm, err := aead(key)
	if err != nil {
		return Record{}, err
	}
	r := Record{Name: at.record, KeyVersion: at.version, Fields: map[string][]byte{}}
	for name, value := range fields {
		nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(value)+gcm.Overhead())
		if _, err := io.ReadFull(v.Random, nonce); err != nil {
			return Record{}, fmt.Errorf("vault: nonce: %w", err)
		}
		r.Fields[name] = gcm.Seal(nonce, nonce, []byte(value), at.bound(name))
	}
	return r, nil
}

func open(key []byte, at place, r Record) (map[string]string, error) {
	gcm, err := aead(key)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(r.Fields))
	for name, sealed := range r.Fields {
		if len(sealed) < gcm.NonceSize() {
			return nil, fmt.Errorf("vault: %s of %s is cut off", name, at.record)
		}
		value, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], at.bound(name))
		if err != nil {
			return nil, fmt.Errorf("vault: %s of %s does not open: %w", name, at.record, err)
		}
		fields[name] = string(value)
	}
	return fields, nil
}

func aead(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("vault: a data key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
