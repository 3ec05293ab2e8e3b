package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/ident"
)

// Signer signs texts. A local SM2 key does it, or a KMS key where the cloud has SM2.
type Signer interface {
	// Sign gives the signature and the name of its key, so that a checker picks the right public key.
	Sign(ctx context.Context, message []byte) (signature []byte, keyID string, err error)
}

// Checker checks signatures of one key.
type Checker interface {
	Verify(message, signature []byte) bool
	KeyID() string
}

// SignedHead is a signed statement about a chain's end, as it is stored and given out.
type SignedHead struct {
	Signed    string `json:"signed"`    // the text that was signed; never re-encoded
	Signature []byte `json:"signature"` // base64 of the DER signature
	KeyID     string `json:"key_id"`
}

// storedHead is the object of a signed head. Beside the statement it holds what the statement
// vouches for: the roots of the tree's full subtrees, from which proofs are made without reading
// older batches, and the leaves of its own batch, by which a check names each touched record.
type storedHead struct {
	SignedHead
	Roots  []Hash `json:"roots"`
	Leaves []Hash `json:"leaves"`
}

// HeadText is what a head says: the chain leads from prev over the batch's records, number first to
// count-1, to chain, and the tree over all records up to here has this root.
type HeadText struct {
	Tenant ident.Tenant `json:"tenant"`
	Batch  int64        `json:"batch"`
	First  int64        `json:"first"`
	Count  int64        `json:"count"`
	Prev   Hash         `json:"prev"`
	Chain  Hash         `json:"chain"`
	Root   Hash         `json:"root"`
	At     time.Time    `json:"at"` // real instant of the signing
}

// signHead makes the object of the head after a batch.
func signHead(ctx context.Context, signer Signer, before Head, batch Batch, after Head,
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
		after.Tree.Roots, batch.leaves()})
	if err != nil {
		return nil, fmt.Errorf("audit: head: %w", err)
	}
	return out, nil
}

var (
	errSignature = errors.New("audit: the head's signature is wrong")
	errOtherKey  = errors.New("audit: the head was signed by another key")
)

// VerifyAndRead checks the signature and gives what the head says.
func (s SignedHead) VerifyAndRead(key Checker) (HeadText, error) {
	if s.KeyID != key.KeyID() {
		return HeadText{}, fmt.Errorf("%w: %s, not %s", errOtherKey, s.KeyID, key.KeyID())
	}
	if s.Signed == "" || !key.Verify([]byte(s.Signed), s.Signature) {
		return HeadText{}, errSignature
	}
	return s.text()
}

// text reads the statement without checking who signed it.
func (s SignedHead) text() (HeadText, error) {
	var t HeadText
	if err := json.Unmarshal([]byte(s.Signed), &t); err != nil {
		return HeadText{}, fmt.Errorf("audit: the head's text: %w", err)
	}
	return t, nil
}

// openedHead is a stored head whose parts agree with each other.
type openedHead struct {
	signed SignedHead
	text   HeadText
	tree   Tree
	leaves []Hash
}

// openHead reads the object of a head. The error tells that its parts do not agree; who signed it
// is not checked.
func openHead(object []byte) (openedHead, error) {
	var s storedHead
	if err := json.Unmarshal(object, &s); err != nil {
		return openedHead{}, fmt.Errorf("audit: the head cannot be read: %w", err)
	}
	t, err := s.text()
	if err != nil {
		return openedHead{}, err
	}
	h := openedHead{signed: s.SignedHead, text: t, tree: Tree{Count: t.Count, Roots: s.Roots},
		leaves: s.Leaves}
	root, err := h.tree.Root()
	if err != nil {
		return openedHead{}, err
	}
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
