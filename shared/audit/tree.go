package audit

import (
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
)

// Tree is the Merkle tree over a tenant's leaves (RFC 6962 with SM3). Tree is stored as the roots
// of its full subtrees, at most one hash for each binary digit of the count; these are enough to
// append leaves and to compute the root.
type Tree struct {
	Count int64
	Roots []Hash // roots of the tree's full subtrees, from left to right
}

// Append returns the tree with further leaves; t itself stays unchanged.
func (t Tree) Append(leaves ...Hash) (Tree, error) { return t.appendLeaves(leaves, nil) }

// appendLeaves appends leaves and calls visit for each inner node that is completed.
func (t Tree) appendLeaves(leaves []Hash, visit compact.VisitFn) (Tree, error) {
	r, err := t.compactRange()
	if err != nil {
		return Tree{}, err
	}
	for _, leaf := range leaves {
		if err := r.Append(leaf[:], visit); err != nil {
			return Tree{}, fmt.Errorf("audit: append to the tree: %w", err)
		}
	}
	return Tree{Count: int64(r.End()), Roots: bytesToHashes(r.Hashes())}, nil
}

// Root returns the hash of the whole tree; the zero hash for an empty tree.
func (t Tree) Root() (Hash, error) {
	r, err := t.compactRange()
	if err != nil || t.Count == 0 {
		return Hash{}, err
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		return Hash{}, fmt.Errorf("audit: root: %w", err)
	}
	return Hash(root), nil
}

// compactRange converts the tree to the form of the Merkle library. compactRange fails when the
// number of roots does not fit the number of leaves.
func (t Tree) compactRange() (*compact.Range, error) {
	if t.Count < 0 {
		return nil, fmt.Errorf("audit: a tree of %d leaves", t.Count)
	}
	f := compact.RangeFactory{Hash: nodeHash}
	r, err := f.NewRange(0, uint64(t.Count), hashesToBytes(t.Roots))
	if err != nil {
		return nil, fmt.Errorf("audit: tree: %w", err)
	}
	return r, nil
}

// inclusionPath returns the inclusion proof of the leaf with this index, in the tree after leaves
// are appended to t. The leaf must be one of the appended ones, because of the older leaves only
// the roots of subtrees are known.
func (t Tree) inclusionPath(leaves []Hash, index int64) ([]Hash, error) {
	known := map[compact.NodeID]Hash{}
	ids := compact.RangeNodes(0, uint64(t.Count), nil)
	if len(ids) != len(t.Roots) {
		return nil, fmt.Errorf("audit: a tree of %d leaves has %d roots, not %d", t.Count, len(ids),
			len(t.Roots))
	}
	for i, id := range ids {
		known[id] = t.Roots[i]
	}
	// Appending visits every node that the new leaves complete; the proof needs some of them.
	after, err := t.appendLeaves(leaves, func(id compact.NodeID, hash []byte) {
		known[id] = Hash(hash)
	})
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
	path, err := nodes.Rehash(hashes, nodeHash)
	if err != nil {
		return nil, fmt.Errorf("audit: proof: %w", err)
	}
	return bytesToHashes(path), nil
}

// hasher gives the hashes of the tree to the proof library.
type hasher struct{}

func (hasher) EmptyRoot() []byte               { return make([]byte, len(Hash{})) }
func (hasher) HashLeaf(line []byte) []byte     { h := LeafHash(line); return h[:] }
func (hasher) HashChildren(l, r []byte) []byte { return nodeHash(l, r) }
func (hasher) Size() int                       { return len(Hash{}) }

// isIncluded reports whether a path proves that a leaf has this index in a tree of this size and
// root.
func isIncluded(leaf Hash, index, size int64, path []Hash, root Hash) bool {
	if index < 0 || size <= index {
		return false
	}
	return proof.VerifyInclusion(hasher{}, uint64(index), uint64(size), leaf[:], hashesToBytes(path),
		root[:]) == nil
}

// hashesToBytes converts hashes to the byte slices that the Merkle library takes.
func hashesToBytes(hashes []Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// bytesToHashes converts the byte slices of the Merkle library to hashes.
func bytesToHashes(hashes [][]byte) []Hash {
	out := make([]Hash, len(hashes))
	for i, h := range hashes {
		out[i] = Hash(h)
	}
	return out
}
