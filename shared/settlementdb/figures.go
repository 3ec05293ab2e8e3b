package settlementdb

import (
	"bytes"
	"compress/flate"
	"context"
	_ "embed" // the dictionary
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/fault"
	"fenzhang/shared/keys"
	"fenzhang/shared/settlement"
)

// attrFigures holds figures: the document that their hash is of, compressed.
const attrFigures = "y"

// figuresDictionary holds the words of a quote's steps, by which figures of some 9 KB become less than 1 KB: one write
// unit instead of three. It is part of the stored form; figures that it does not fit are only larger.
//
//go:embed figures.dictionary
var figuresDictionary []byte

// What packing and unpacking work with is lent: making a compressor anew for each item takes longer and more memory
// than all else that a move computes.
var (
	packers = sync.Pool{New: func() any {
		w, _ := flate.NewWriterDict(io.Discard, flate.BestCompression, figuresDictionary) // the level is a valid one
		return w
	}}
	unpackers = sync.Pool{New: func() any {
		u := &unpacker{}
		u.flate = flate.NewReader(&u.packed)
		return u
	}}
)

type unpacker struct {
	packed bytes.Reader
	flate  io.Reader
	plain  bytes.Buffer
}

func pack(plain []byte) (_ []byte, err error) {
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	var b bytes.Buffer
	w.Reset(&b) // the dictionary stays
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// maxPlain bounds what packed figures may unfold to.
const maxPlain = 1 << 20

func unpack(packed []byte, into any) error {
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.packed.Reset(packed)
	if err := u.flate.(flate.Resetter).Reset(&u.packed, figuresDictionary); err != nil {
		return err
	}
	u.plain.Reset()
	if _, err := u.plain.ReadFrom(io.LimitReader(u.flate, maxPlain)); err != nil {
		return err
	}
	return json.Unmarshal(u.plain.Bytes(), into) // which keeps nothing of what it read
}

func figuresItem(f settlement.Figures) (item, error) {
	plain := f.Document
	var err error
	if plain == nil {
		plain, err = json.Marshal(f)
	}
	var z []byte
	if err == nil {
		z, err = pack(plain)
	}
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := keyed(keys.Figures(f.Tenant, f.Settlement, f.Hash))
	it[attrFigures] = binary(z)
	return it, nil
}

func (s *Store) putFigures(ctx context.Context, f settlement.Figures) error {
	it, err := figuresItem(f)
	if err != nil {
		return err
	}
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Settlements), Item: it}); err != nil {
		return fault.Later(err)
	}
	return nil
}

// Figures reads computed figures.
func (s *Store) Figures(ctx context.Context, tenant, id, hash string) (settlement.Figures, error) {
	it, err := s.get(ctx, s.Settlements, keys.Figures(tenant, id, hash))
	if err != nil {
		return settlement.Figures{}, err
	}
	return figuresOf(it, tenant, id, hash)
}

func figuresOf(it item, tenant, id, hash string) (settlement.Figures, error) {
	var f settlement.Figures
	if it == nil {
		return f, fault.Internal(fmt.Errorf("settlementdb: figures %s of %s are gone", hash, id))
	}
	if err := unpack(binaryOf(it, attrFigures), &f); err != nil {
		return f, fault.Internal(err)
	}
	f.Tenant, f.Settlement, f.Hash = tenant, id, hash
	return f, nil
}
