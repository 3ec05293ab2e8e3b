package audit

import (
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
)

// Tree is the Merkle tree over a tenant's leaves (RFC 6962 with SM3), kept as the roots of its full
// subtrees: at most one hash for each binary digit of the count, enough to append and to know the
// root.
type Tree struct {
	Count int64
	Roots []Hash // of the full subtrees, left to right
}

// Append gives the tree with further leaves, and leaves the old one as it was.
func (t Tree) Append(leaves ...Hash) (Tree, error) { return t.append(leaves, nil) }

func (t Tree) append(leaves []Hash, visit compact.VisitFn) (Tree, error) {
	r, err := t.compact()
	if err != nil {
		return Tree{}, err
	}
	for _, leaf := range leaves {
		if err := r.Append(leaf[:], visit); err != nil {
			return Tree{}, fmt.Errorf("audit: append to the tree: %w", err)
		}
	}
	return Tree{Count: int64(r.End()), Roots: fromBytes(r.Hashes())}, nil
}

// Root is the hash of the whole tree; the zero hash for the empty one.
func (t Tree) Root() (Hash, error) {
	r, err := t.compact()
	if err != nil || t.Count == 0 {
		return Hash{}, err
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		return Hash{}, fmt.Errorf("audit: root: %w", err)
	}
	return Hash(root), nil
}

// compact gives the library's form; the error tells that the roots are not those of a tree of this
// size.
func (t Tree) compact() (*compact.Range, error) {
	if t.Count < 0 {
		return nil, fmt.Errorf("audit: a tree of %d leaves", t.Count)
	}
	f := compact.RangeFactory{Hash: node}
	r, err := f.NewRange(0, uint64(t.Count), toBytes(t.Roots))
	if err != nil {
		return nil, fmt.Errorf("audit: tree: %w", err)
	}
	return r, nil
}

// path is the inclusion proof of leaf number index in the tree that t becomes by appending leaves;
// the leaf must be one of the appended ones, since of the others only the roots are known.
func (t Tree) path(leaves []Hash, index int64) ([]Hash, error) {
	known := map[compact.NodeID]Hash{}
	ids := compact.RangeNodes(0, uint64(t.Count), nil)
	if len(ids) != len(t.Roots) {
		return nil, fmt.Errorf("audit: a tree of %d leaves has %d roots, not %d", t.Count, len(ids),
			len(t.Roots))
	}
	for i, id := range ids {
		known[id] = t.Roots[i]
	}
	after, err := t.append(leaves, func(id compact.NodeID, hash []byte) { known[id] = Hash(hash) })
	if err != nil {
		return nil, err
	}
	nodes, err := proof.Inclusion(uint64(index), uint64(after.Count))
	if err != nil {
		return nil, fmt.Errorf("audit: proof: %w", err)
	}
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, ok := known[id]
		if !ok {
			return nil, fmt.Errorf("audit: leaf %d is not among the appended ones", index)
		}
		hashes[i] = h[:]
	}
	path, err := nodes.Rehash(hashes, node)
	if err != nil {
		return nil, fmt.Errorf("audit: proof: %w", err)
	}
	return fromBytes(path), nil
}

// hasher is the tree's hash as the proof library asks for it.
type hasher struct{}

func (hasher) EmptyRoot() []byte               { return make([]byte, len(Hash{})) }
func (hasher) HashLeaf(line []byte) []byte     { h := LeafHash(line); return h[:] }
func (hasher) HashChildren(l, r []byte) []byte { return node(l, r) }
func (hasher) Size() int                       { return len(Hash{}) }

// included tells whether a path proves the leaf in a tree of this size and root.
func included(leaf Hash, index, size int64, path []Hash, root Hash) bool {
	if index < 0 || size <= index {
		return false
	}
	return proof.VerifyInclusion(hasher{}, uint64(index), uint64(size), leaf[:], toBytes(path),
		root[:]) == nil
}

func toBytes(hashes []Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

func fromBytes(hashes [][]byte) []Hash {
	out := make([]Hash, len(hashes))
	for i, h := range hashes {
		out[i] = Hash(h)
	}
	return out
}
