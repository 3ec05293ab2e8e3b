package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/ident"
)

// Signer signs texts, with a local SM2 key or with a KMS key where the cloud has SM2.
type Signer interface {
	// Sign returns the signature and the id of its key, by which a checker finds the right public key.
	Sign(ctx context.Context, message []byte) (signature []byte, keyID string, err error)
}

// Checker verifies signatures of one key.
type Checker interface {
	Verify(message, signature []byte) bool
	KeyID() string
}

// SignedHead is a signed statement about the end of a chain, as it is stored and published.
type SignedHead struct {
	// text of the head exactly as it was signed; never encoded again
	Signed    string `json:"signed"`
	Signature []byte `json:"signature"` // base64 of the DER signature
	KeyID     string `json:"key_id"`
}

// storedHead is the content of a head object: the signed statement, and data that the statement
// covers. The roots of the tree's full subtrees let proofs be made without reading older batches;
// the leaves of its own batch let a check name each record that was changed.
type storedHead struct {
	SignedHead
	Roots  []Hash `json:"roots"`
	Leaves []Hash `json:"leaves"`
}

// HeadText is the content of the signed statement: the chain leads from Prev over the records of
// the batch, numbers First to Count-1, to Chain, and the tree over all records so far has this
// Root.
type HeadText struct {
	Tenant ident.Tenant `json:"tenant"`
	Batch  int64        `json:"batch"`
	First  int64        `json:"first"`
	Count  int64        `json:"count"`
	Prev   Hash         `json:"prev"`
	Chain  Hash         `json:"chain"`
	Root   Hash         `json:"root"`
	At     time.Time    `json:"at"` // real time of the signature
}

// signHeadObject returns the content of the object of the signed head after a batch.
func signHeadObject(ctx context.Context, signer Signer, before Head, batch Batch, after Head,
	at time.Time) ([]byte, error) {
	root, err := after.Tree.Root()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(HeadText{Tenant: after.Tenant, Batch: after.Batch,
		First: before.Tree.Count, Count: after.Tree.Count,
		Prev: before.Chain, Chain: after.Chain, Root: root, At: at})
	if err != nil {
		return nil, fmt.Errorf("audit: head: %w", err)
	}
	sig, keyID, err := signer.Sign(ctx, text)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(storedHead{SignedHead{Signed: string(text), Signature: sig, KeyID: keyID},
		after.Tree.Roots, batch.leafHashes()})
	if err != nil {
		return nil, fmt.Errorf("audit: head: %w", err)
	}
	return out, nil
}

var (
	errSignature = errors.New("audit: the head's signature is wrong")
	errOtherKey  = errors.New("audit: the head was signed by another key")
)

// VerifyAndRead verifies the signature and returns the statement of the head.
func (s SignedHead) VerifyAndRead(key Checker) (HeadText, error) {
	if s.KeyID != key.KeyID() {
		return HeadText{}, fmt.Errorf("%w: %s, not %s", errOtherKey, s.KeyID, key.KeyID())
	}
	if s.Signed == "" || !key.Verify([]byte(s.Signed), s.Signature) {
		return HeadText{}, errSignature
	}
	return s.parseText()
}

// parseText returns the statement of the head without verifying its signature.
func (s SignedHead) parseText() (HeadText, error) {
	var t HeadText
	if err := json.Unmarshal([]byte(s.Signed), &t); err != nil {
		return HeadText{}, fmt.Errorf("audit: the head's text: %w", err)
	}
	return t, nil
}

// openedHead is a stored head whose roots and leaves fit its statement.
type openedHead struct {
	signed SignedHead
	text   HeadText
	tree   Tree
	leaves []Hash
}

// parseStoredHead reads the object of a head. parseStoredHead fails when roots or leaves do not fit
// the statement; the signature is not verified.
func parseStoredHead(object []byte) (openedHead, error) {
	var s storedHead
	if err := json.Unmarshal(object, &s); err != nil {
		return openedHead{}, fmt.Errorf("audit: the head cannot be read: %w", err)
	}
	t, err := s.parseText()
	if err != nil {
		return openedHead{}, err
	}
	h := openedHead{signed: s.SignedHead, text: t, tree: Tree{Count: t.Count, Roots: s.Roots},
		leaves: s.Leaves}
	root, err := h.tree.Root()
	if err != nil {
		return openedHead{}, err
	}
	// The chain and the root are computed again from the stored leaves and roots.
	chain := t.Prev
	for _, leaf := range h.leaves {
		chain = ChainHash(chain, leaf)
	}
	if root != t.Root || chain != t.Chain || t.First < 0 || t.Count-t.First != int64(len(h.leaves)) {
		return openedHead{},
			errors.New("audit: the head's roots or leaves are not those it was signed over")
	}
	return h, nil
}
