// Package vault seals personal data: each field is encrypted by AES-256-GCM with a data key of its
// taxpayer, which is wrapped by a master key. Data in clear text is returned only after an audit
// record of the read is stored (promise P7).
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

// Purpose is the purpose of data keys; each wrapped key is bound to it and to the tenant.
const Purpose = "personal-data"

// KeySize is the size of a data key in bytes, 32 for AES-256.
const KeySize = 32

// MaxKeyAge is the age at which rotation replaces a data key by a new one.
const MaxKeyAge = 90 * 24 * time.Hour

// The names of the sealed fields.
const (
	Name     = "name"
	IDNumber = "id_number"
	Phone    = "phone"
	Account  = "payout_account"
	Holder   = "holder"
)

// TaxpayerRecord returns the name of the record that holds a taxpayer's own name, ID number and
// phone.
func TaxpayerRecord() string { return "taxpayer" }

// CreatorRecord returns the name of the record that holds a creator's payout account.
func CreatorRecord(creator ident.Creator) string { return string("creator#" + creator) }

// DataKey is a data key of a taxpayer, wrapped by the master key.
type DataKey struct {
	Version int
	Wrapped []byte
	Made    time.Time
}

// Record is a set of sealed fields. Each value is a nonce followed by the encrypted text.
type Record struct {
	Name       string
	KeyVersion int
	Fields     map[string][]byte
	// Revision is the id of the act that wrote the record as it was read; rotation replaces the record
	// in that state only.
	Revision string
}

// Box is everything that is stored of a taxpayer: its data keys, oldest first, and its records by
// name.
type Box struct {
	Keys    []DataKey
	Records map[string]Record
}

// Sealing is what one act has to store: sealed records, and the data key when it is new.
type Sealing struct {
	Taxpayer ident.Taxpayer
	NewKey   *DataKey
	Records  []Record
	KeySince time.Time // time at which the data key of the records was made
}

// Store reads what is stored of a taxpayer; the Box is empty when nothing is.
type Store interface {
	ReadBox(ctx context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer) (Box, error)
}

// KeyMaster wraps data keys with a master key. A wrapped key is bound to its tenant and purpose and
// can be unwrapped for no other.
type KeyMaster interface {
	// New makes a data key and returns it in clear and wrapped.
	New(ctx context.Context, tenant ident.Tenant, purpose string) (clear, wrapped []byte, err error)
	// Unwrap returns a data key in clear.
	Unwrap(ctx context.Context, tenant ident.Tenant, purpose string, wrapped []byte) ([]byte, error)
}

// ReadLog stores the audit record of a read of personal data; the data is returned only after that.
type ReadLog interface {
	RecordRead(ctx context.Context, r audit.Record) error
}

// Vault seals and opens personal data. Data keys in clear are wiped after each use and never kept.
type Vault struct {
	Store  Store
	Master KeyMaster
	Reads  ReadLog
	Now    func() time.Time // real time
	NewID  func() string
	Random io.Reader // source of random nonces; crypto/rand except in tests
}

// ErrNotSealed means that the taxpayer has no such record.
var ErrNotSealed = errors.New("vault: nothing is sealed there")

// Seal seals records under the taxpayer's newest data key, or under a new key when the taxpayer has
// none. Fields of a stored record that are not given keep their value. Nothing is stored: the
// caller writes the Sealing in the transaction of its act.
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
		key, out.NewKey, err = v.createDataKey(ctx, tenant, version)
	}
	if err != nil {
		return Sealing{}, err
	}
	defer clear(key)
	for name, fields := range records {
		if fields, err = v.mergeStoredFields(ctx, box, place{tenant, taxpayer, name, version},
			fields); err != nil {
			return Sealing{}, err
		}
		r, err := v.sealRecord(key, place{tenant, taxpayer, name, version}, fields)
		if err != nil {
			return Sealing{}, err
		}
		// The record may be replaced only as it was read, or the fields that were kept could be out of
		// date.
		r.Revision = box.Records[name].Revision
		out.Records = append(out.Records, r)
	}
	return out, nil
}

// mergeStoredFields returns the given fields together with the other fields of the stored record.
func (v *Vault) mergeStoredFields(ctx context.Context, box Box, at place,
	fields map[string]string) (map[string]string, error) {
	old := box.Records[at.record]
	kept := Record{Name: old.Name, KeyVersion: old.KeyVersion, Fields: map[string][]byte{}}
	for name, sealed := range old.Fields {
		if _, given := fields[name]; !given {
			kept.Fields[name] = sealed
		}
	}
	// Without other fields the old key need not be unwrapped.
	if len(kept.Fields) == 0 {
		return fields, nil
	}
	key, err := v.unwrapDataKey(ctx, at.tenant, box, old.KeyVersion)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	at.version = old.KeyVersion
	all, err := openRecord(key, at, kept)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, fields)
	return all, nil
}

// createDataKey makes the data key with this version number.
func (v *Vault) createDataKey(ctx context.Context, tenant ident.Tenant,
	version int) ([]byte, *DataKey, error) {
	key, wrapped, err := v.Master.New(ctx, tenant, Purpose)
	if err != nil {
		return nil, nil, err
	}
	return key, &DataKey{Version: version, Wrapped: wrapped, Made: v.Now()}, nil
}

// Access says which record is opened, by whom, and why.
type Access struct {
	Tenant     ident.Tenant
	Taxpayer   ident.Taxpayer
	Record     string
	Actor, Why string
	Object     ident.Settlement
	Trace      string
}

// Open returns all fields of a record in clear text, after the audit record of the read is stored.
//
// Errors: ErrNotSealed; those of the store, the master key and the read log.
func (v *Vault) Open(ctx context.Context, a Access) (map[string]string, error) {
	box, err := v.Store.ReadBox(ctx, a.Tenant, a.Taxpayer)
	if err != nil {
		return nil, err
	}
	r, ok := box.Records[a.Record]
	if !ok {
		return nil, ErrNotSealed
	}
	key, err := v.unwrapDataKey(ctx, a.Tenant, box, r.KeyVersion)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	fields, err := openRecord(key, place{a.Tenant, a.Taxpayer, r.Name, r.KeyVersion}, r)
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

// IsKeyDue reports whether the newest data key of the box has reached MaxKeyAge.
func (b Box) IsKeyDue(now time.Time) bool {
	return len(b.Keys) > 0 && now.Sub(b.Keys[len(b.Keys)-1].Made) >= MaxKeyAge
}

// Renew reseals all records of a taxpayer under the newest data key, which it first makes when the
// newest is due. Records that are sealed under it already are left out, so an interrupted renewal
// is continued by the next call.
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
		key, out.NewKey, err = v.createDataKey(ctx, tenant, newest)
	} else {
		key, err = v.unwrapDataKey(ctx, tenant, box, newest)
	}
	if err != nil {
		return Sealing{}, err
	}
	defer clear(key)
	for _, old := range box.Records {
		if old.KeyVersion == newest {
			continue
		}
		r, err := v.resealRecord(ctx, box, old, key, place{tenant, taxpayer, old.Name, newest})
		if err != nil {
			return Sealing{}, err
		}
		out.Records = append(out.Records, r)
	}
	return out, nil
}

// resealRecord opens a record with its old data key and seals it with another.
func (v *Vault) resealRecord(ctx context.Context, box Box, old Record, key []byte,
	at place) (Record, error) {
	before, err := v.unwrapDataKey(ctx, at.tenant, box, old.KeyVersion)
	if err != nil {
		return Record{}, err
	}
	defer clear(before)
	fields, err := openRecord(before, place{at.tenant, at.taxpayer, old.Name, old.KeyVersion}, old)
	if err != nil {
		return Record{}, err
	}
	r, err := v.sealRecord(key, at, fields)
	r.Revision = old.Revision
	return r, err
}

// unwrapDataKey returns the data key with this version number in clear.
func (v *Vault) unwrapDataKey(ctx context.Context, tenant ident.Tenant, box Box,
	version int) ([]byte, error) {
	for _, k := range box.Keys {
		if k.Version == version {
			return v.Master.Unwrap(ctx, tenant, Purpose, k.Wrapped)
		}
	}
	return nil, fmt.Errorf("vault: data key %d is missing", version)
}

// place is where a sealed field is stored. The encrypted text is bound to its place, so that it
// cannot be moved to another record or taxpayer.
type place struct {
	tenant   ident.Tenant
	taxpayer ident.Taxpayer
	record   string
	version  int
}

// additionalData returns the additional authenticated data of a field: each part with its length,
// so that two different places never give the same bytes.
func (p place) additionalData(field string) []byte {
	var b []byte
	for _, part := range []string{string(p.tenant), string(p.taxpayer), p.record, field} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return binary.BigEndian.AppendUint32(b, uint32(p.version))
}

// sealRecord encrypts the fields of a record, each with a new random nonce.
func (v *Vault) sealRecord(key []byte, at place, fields map[string]string) (Record, error) {
	gcm, err := newAEAD(key)
	if err != nil {
		return Record{}, err
	}
	r := Record{Name: at.record, KeyVersion: at.version, Fields: map[string][]byte{}}
	for name, value := range fields {
		nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(value)+gcm.Overhead())
		if _, err := io.ReadFull(v.Random, nonce); err != nil {
			return Record{}, fmt.Errorf("vault: nonce: %w", err)
		}
		r.Fields[name] = gcm.Seal(nonce, nonce, []byte(value), at.additionalData(name))
	}
	return r, nil
}

// openRecord decrypts all fields of a record.
func openRecord(key []byte, at place, r Record) (map[string]string, error) {
	gcm, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(r.Fields))
	for name, sealed := range r.Fields {
		if len(sealed) < gcm.NonceSize() {
			return nil, fmt.Errorf("vault: %s of %s is cut off", name, at.record)
		}
		value, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():],
			at.additionalData(name))
		if err != nil {
			return nil, fmt.Errorf("vault: %s of %s does not open: %w", name, at.record, err)
		}
		fields[name] = string(value)
	}
	return fields, nil
}

// newAEAD returns the AES-256-GCM cipher of a data key.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("vault: a data key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
