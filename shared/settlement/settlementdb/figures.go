package settlementdb

import (
	"context"
	_ "embed" // the dictionary
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/klauspost/compress/zstd"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// attrFigures holds figures: the document that their hash is of, compressed by zstd (RFC 8878).
const attrFigures = "f"

// figuresDictionary holds the words of a quote's steps, by which figures of some 9 KB become less
// than 1 KB: one write unit instead of three. It is part of the stored form; figures that it does
// not fit are only larger.
//
//go:embed figures.dictionary
var figuresDictionary []byte

const (
	figuresDictionaryID = 1
	maxPlain            = 1 << 20 // bounds what packed figures may unfold to
)

// packers are made once, when they are first needed: that takes longer than packing.
var packers = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	// The options are valid ones, and an encoder of whole documents writes to nobody.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderDictRaw(figuresDictionaryID, figuresDictionary),
		zstd.WithEncoderCRC(false))
	d, _ := zstd.NewReader(nil, zstd.WithDecoderDictRaw(figuresDictionaryID, figuresDictionary),
		zstd.WithDecoderMaxMemory(maxPlain))
	return e, d
})

func pack(plain []byte) []byte {
	e, _ := packers()
	return e.EncodeAll(plain, make([]byte, 0, 1024))
}

func unpack(packed []byte) ([]byte, error) {
	_, d := packers()
	return d.DecodeAll(packed, make([]byte, 0, 10*1024))
}

func figuresItem(f settlement.Figures) (item, error) {
	plain := f.Document
	if plain == nil {
		var err error
		if plain, err = f.Encode(); err != nil {
			return nil, fault.Internal(err)
		}
	}
	it := dynamo.Key(keys.Figures(f.Tenant, f.Settlement, f.Hash))
	it[attrFigures] = binary(pack(plain))
	return it, nil
}

func (s *Store) putFigures(ctx context.Context, f settlement.Figures) error {
	it, err := figuresItem(f)
	if err != nil {
		return err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Settlements), Item: it})
	return awsfault.Of(err)
}

// Figures reads computed figures.
func (s *Store) Figures(ctx context.Context, tenant ident.Tenant, id,
	hash string) (settlement.Figures, error) {
	it, err := s.get(ctx, s.Settlements, keys.Figures(tenant, ident.Settlement(id), hash))
	if err != nil {
		return settlement.Figures{}, err
	}
	return figuresOf(it, tenant, id, hash)
}

func figuresOf(it item, tenant ident.Tenant, id, hash string) (settlement.Figures, error) {
	if it == nil {
		return settlement.Figures{},
			fault.Internal(fmt.Errorf("settlementdb: figures %s of %s are gone", hash, id))
	}
	plain, err := unpack(binaryOf(it, attrFigures))
	if err != nil {
		return settlement.Figures{}, fault.Internal(err)
	}
	f, err := settlement.DecodeFigures(plain)
	if err != nil {
		return settlement.Figures{}, fault.Internal(err)
	}
	f.Tenant = tenant
	f.Settlement = ident.Settlement(id)
	f.Hash = hash
	return f, nil
}
