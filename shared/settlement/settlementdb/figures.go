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

// attrFigures is the attribute that holds a figures document, compressed by zstd (RFC 8878). The
// hash in the item's key is computed over the uncompressed document.
const attrFigures = "f"

// figuresDictionary holds the texts that most quotes contain. With this dictionary, zstd compresses
// figures of about 9 KB to less than 1 KB, which costs one write unit instead of three. The
// dictionary is part of the stored form and must not change; figures with other texts compress
// less well but correctly.
//
//go:embed figures.dictionary
var figuresDictionary []byte

const (
	figuresDictionaryID = 1
	// maxFiguresSize is the largest size in bytes that compressed figures may expand to. The limit
	// protects memory against a damaged item.
	maxFiguresSize = 1 << 20
)

// compressors returns the zstd encoder and decoder, which are created once, at first use, because
// creating them takes longer than compressing one document.
var compressors = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	// The errors can be ignored: the options are constants that are known to be valid, and EncodeAll
	// and DecodeAll use neither a writer nor a reader.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderDictRaw(figuresDictionaryID, figuresDictionary),
		zstd.WithEncoderCRC(false))
	d, _ := zstd.NewReader(nil, zstd.WithDecoderDictRaw(figuresDictionaryID, figuresDictionary),
		zstd.WithDecoderMaxMemory(maxFiguresSize))
	return e, d
})

// compress returns a document in its zstd-compressed form.
func compress(plain []byte) []byte {
	e, _ := compressors()
	return e.EncodeAll(plain, make([]byte, 0, 1024))
}

// decompress returns the document that compress made smaller.
func decompress(packed []byte) ([]byte, error) {
	_, d := compressors()
	return d.DecodeAll(packed, make([]byte, 0, 10*1024))
}

// figuresItem makes the DynamoDB item of computed figures.
func figuresItem(f settlement.Figures) (item, error) {
	// Figures that were just computed carry their encoded document, over which their hash was taken.
	plain := f.Document
	if plain == nil {
		var err error
		if plain, err = f.Encode(); err != nil {
			return nil, fault.Internal(err)
		}
	}
	it := dynamo.Key(keys.Figures(f.Tenant, f.Settlement, f.Hash))
	it[attrFigures] = binaryValue(compress(plain))
	return it, nil
}

// putFigures writes computed figures without a condition: the key contains the hash of the content,
// so that a repeated write stores the same item again.
func (s *Store) putFigures(ctx context.Context, f settlement.Figures) error {
	it, err := figuresItem(f)
	if err != nil {
		return err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Settlements), Item: it})
	return awsfault.Classify(err)
}

// Figures reads the computed figures of a settlement that have the given hash.
func (s *Store) Figures(ctx context.Context, tenant ident.Tenant, id,
	hash string) (settlement.Figures, error) {
	it, err := s.getItem(ctx, s.Settlements, keys.Figures(tenant, ident.Settlement(id), hash))
	if err != nil {
		return settlement.Figures{}, err
	}
	return decodeFigures(it, tenant, id, hash)
}

// decodeFigures decompresses and parses the item of computed figures. A missing item is an internal
// error, because a settlement refers to these figures.
func decodeFigures(it item, tenant ident.Tenant, id, hash string) (settlement.Figures, error) {
	if it == nil {
		return settlement.Figures{},
			fault.Internal(fmt.Errorf("settlementdb: figures %s of %s are gone", hash, id))
	}
	plain, err := decompress(readBinary(it, attrFigures))
	if err != nil {
		return settlement.Figures{}, fault.Internal(err)
	}
	f, err := settlement.DecodeFigures(plain)
	if err != nil {
		return settlement.Figures{}, fault.Internal(err)
	}
	// Tenant, settlement and hash are in the key of the item and not in the document.
	f.Tenant = tenant
	f.Settlement = ident.Settlement(id)
	f.Hash = hash
	return f, nil
}
