// Package settlementdb keeps settlements, their journal, balances and tax rows in DynamoDB. Keys, items and
// conditions of one act stand together here.
package settlementdb

import (
	"bytes"
	"compress/flate"
	_ "embed" // the dictionaries
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/keys"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// item is one DynamoDB item.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func textOf(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func numberOf(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // DynamoDB keeps numbers valid; ours are whole
		return n
	}
	return 0
}

func binaryOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func keyed(k keys.Key) item { return item{"pk": text(k.PK), "sk": text(k.SK)} }

// Attribute names of META that conditions, the relay and an operator at the console read.
const (
	attrMeta     = "x"
	attrPacked   = "z" // of META as it was packed before its dictionary knew reviews, approvals and set-offs
	attrFigures  = "y" // of figures, packed with their own dictionary; older ones have attrPacked
	attrRevision = "rev"
	attrStatus   = "st"
	attrVersion  = "v"
	attrAct      = "act" // id of the last write: finding one's own is success
	attrHold     = "hold"
)

// packed is everything of META that no condition reads. It is compressed with a dictionary of its own names, so
// that META stays under 1 KB and each move costs one write unit; plain JSON would cost two.
type packed struct {
	O   settlement.Opening       `json:"o"`
	OT  int64                    `json:"ot"`
	U   int64                    `json:"u"`
	H   *settlement.Hold         `json:"hd,omitempty"`
	PD  civil.Date               `json:"pd,omitzero"`
	Q   string                   `json:"q,omitempty"`
	B   string                   `json:"b,omitempty"`
	BE  string                   `json:"be,omitempty"`
	N   money.Amount             `json:"net"`
	P   money.Amount             `json:"pay"`
	CN  *money.Amount            `json:"cn,omitempty"`
	CP  *money.Amount            `json:"cp,omitempty"`
	K   bool                     `json:"kp,omitempty"`
	SO  []settlement.SetOff      `json:"so,omitempty"`
	PO  *settlement.Payout       `json:"out,omitempty"`
	PR  []string                 `json:"pr,omitempty"`
	PA  []settlement.PartyLink   `json:"pa,omitempty"`
	AP  []settlement.Approval    `json:"ap,omitempty"`
	RW  *settlement.Review       `json:"rw,omitempty"`
	AU  bool                     `json:"au,omitempty"`
	WV  []string                 `json:"wv,omitempty"`
	LP  string                   `json:"lp,omitempty"`
	AW  string                   `json:"aw,omitempty"`
	HS  int64                    `json:"hs,omitempty"`
	INV *settlement.InvoicePaper `json:"inv,omitempty"`
	DS  civil.Date               `json:"ds,omitzero"`
	CB  civil.Date               `json:"cb,omitzero"`
	SS  bool                     `json:"ss,omitempty"`
	CF  bool                     `json:"cf,omitempty"`
	A   int64                    `json:"ar,omitempty"`
	FA  int64                    `json:"fa,omitempty"`
	C   string                   `json:"cl,omitempty"`
	RB  string                   `json:"by,omitempty"`
	HI  []move                   `json:"hi,omitempty"`
	L   settlement.Act           `json:"l"`
}

// move is a line of the history; from is the line before it.
type move struct {
	T string `json:"t"`
	M int64  `json:"m"`
	B string `json:"b"`
	I string `json:"i,omitempty"`
	R string `json:"r,omitempty"`
}

// metaDictionary holds the words of META, the most frequent ones last. It is part of the stored form: change it only
// with a new attribute name beside a reader of this one.
//
//go:embed meta.dictionary
var metaDictionary []byte

// dictionary holds the words of items that were packed under attrPacked; they are only read.
var dictionary = []byte(`"reason":"owner":"finance","text":"RULE_GAP"WAITING_INVOICE"NET_CHANGED"approver"FAILED"PAYING"APPROVED"IN_REVIEW"PAID"PENDING_REVIEW"` +
	`"rejected"cancelled"payment_failed"CANCELLED_BEFORE_SEND"system:compute-tax"system:payout"system:pay-out"system:build-statements"` +
	`settlement.opened"settlement.quoted"settlement.submitted"settlement.approved"settlement.booked"payout.PAID"payout.SENT"payout.ACCEPTED` +
	`{"o":{"id":"","n":1,"c":"","tp":"","e":"ent-","ct":"","cv":1,"r":"mcn_pays"studio_invoice","it":"live_tip"commerce_commission"xingtu_ad"incentive","pl":"douyin","a":"stmt:","ts":17,"h":"","sp":"2026-","vd":"2026-","po":"2026-","g":"` +
	`","s":[{"party":"","kind":"creator","amount":"0.00"},{"party":"mcn","kind":"mcn","amount":""}],"m":[{"party":"platform","amount":"","basis":""}],"src":"clearing"accrued","rb":"net","vi":true,"pm":"douyin"bank","ob":""},"ot":17,"u":17,"pd":"2026-","q":"","b":"","be":"","net":"0.00","pay":"0.00",` +
	`"out":{"k":"","m":"douyin","s":"CREATED"SENT"ACCEPTED"PAID","t":"2026-","g":""},"pr":["admin@finance@approver@operator@"],"ar":17,"fa":17,"hi":[{"t":"IN_REVIEW","m":17,"b":"","i":""},{"t":"APPROVED","m":17,"b":"","i":""}],"l":{"id":"","a":"settlement.","by":"system:"}}`)

// figuresDictionary holds the words of a quote's steps, by which figures of some 9 KB become less than 1 KB: one write
// unit instead of three. Like dictionary it is part of the stored form; figures that it does not fit are only larger.
//
//go:embed figures.dictionary
var figuresDictionary []byte

// codec packs JSON with the words of a dictionary. It lends what packing works with: making a compressor anew for
// each item takes longer and more memory than all else that a move computes.
type codec struct {
	dictionary         []byte
	packers, unpackers sync.Pool
}

// unpacker is what unpacking works with.
type unpacker struct {
	flate io.Reader
	plain bytes.Buffer
}

func newCodec(words []byte) *codec {
	return &codec{dictionary: words,
		packers: sync.Pool{New: func() any {
			w, _ := flate.NewWriterDict(io.Discard, flate.BestCompression, words) // the level is a valid one
			return w
		}},
		unpackers: sync.Pool{New: func() any { return &unpacker{flate: flate.NewReader(bytes.NewReader(nil))} }}}
}

// Codecs of META, of figures, and of older items of both.
var (
	metaCodec    = newCodec(metaDictionary)
	olderCodec   = newCodec(dictionary)
	figuresCodec = newCodec(figuresDictionary)
)

func (c *codec) pack(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return c.deflate(plain)
}

func (c *codec) deflate(plain []byte) (_ []byte, err error) {
	w := c.packers.Get().(*flate.Writer)
	defer c.packers.Put(w)
	var b bytes.Buffer
	w.Reset(&b) // the dictionary stays
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// maxPlain bounds what a packed attribute may unfold to.
const maxPlain = 1 << 20

func (c *codec) unpack(b []byte, into any) error {
	u := c.unpackers.Get().(*unpacker)
	defer c.unpackers.Put(u)
	if err := u.flate.(flate.Resetter).Reset(bytes.NewReader(b), c.dictionary); err != nil {
		return err
	}
	u.plain.Reset()
	if _, err := u.plain.ReadFrom(io.LimitReader(u.flate, maxPlain)); err != nil {
		return err
	}
	return json.Unmarshal(u.plain.Bytes(), into) // which keeps nothing of what it read
}

// metaItem is META of s.
func metaItem(s settlement.Settlement) (item, error) {
	p := packed{O: s.Opening, OT: s.OpenedAt.UnixMilli(), U: s.LastUpdated.UnixMilli(), H: s.Hold, PD: s.PaymentDate, Q: s.Quote, B: s.Booking,
		BE: s.BookedEntry, N: s.Net, P: s.ToPay, CN: s.ApprovedNet, CP: s.ApprovedPay, K: s.Kept, SO: s.SetOffs, PO: s.Payout, PR: s.Preparers, PA: s.Parties, AP: s.Approvals, RW: s.Review, AU: s.Automatic, WV: s.Waived, LP: s.Lacks, AW: s.Awaits, HS: millis(s.HeldSince), INV: s.Paper, DS: s.Disputed, CB: s.ConfirmBy, SS: s.StatementSent, CF: s.Confirmed, A: millis(s.Arrival),
		FA: millis(s.FirstArrival), C: s.ReasonClass, RB: s.ReopenedBy, L: s.Last}
	for _, h := range s.History {
		p.HI = append(p.HI, move{T: string(h.To), M: h.At.UnixMilli(), B: h.By, I: h.TransitionID, R: h.Reason})
	}
	z, err := metaCodec.pack(p)
	if err != nil {
		return nil, fmt.Errorf("settlementdb: pack: %w", err)
	}
	it := keyed(keys.Settlement(s.Tenant, s.ID))
	it[attrMeta] = binary(z)
	it[attrRevision] = number(int64(s.Revision))
	it[attrStatus] = text(string(s.Status))
	it[attrVersion] = number(int64(s.StatusVersion))
	it[attrAct] = text(s.Last.ID)
	if s.Hold != nil {
		it[attrHold] = text(s.Hold.Reason)
	}
	it["tp_pk"] = text(keys.ByTaxpayer(s.Tenant, s.Entity, s.TaxpayerID))
	it["cr_pk"] = text(keys.ByCreator(s.Tenant, s.CreatorID))
	it["op_pk"] = text(keys.ByOpening(s.Tenant, civil.MonthOf(s.OpenedAt), keys.OpeningShard(s.ID)))
	it["at"] = text(keys.OpenedAt(s.OpenedAt))
	return it, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).In(civil.Shanghai)
}

// errNotMeta is an item that is not a settlement's META.
var errNotMeta = errors.New("settlementdb: not a settlement")

// FromItem reads META; the relay uses it on stream images.
func FromItem(it map[string]types.AttributeValue) (settlement.Settlement, error) {
	tenant, id, ok := keys.SettlementOf(textOf(it, "pk"), textOf(it, "sk"))
	if !ok {
		return settlement.Settlement{}, errNotMeta
	}
	var p packed
	words, z := metaCodec, binaryOf(it, attrMeta)
	if z == nil {
		words, z = olderCodec, binaryOf(it, attrPacked)
	}
	if err := words.unpack(z, &p); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: unpack %s: %w", id, err)
	}
	s := settlement.Settlement{Opening: p.O, Status: settlement.Status(textOf(it, attrStatus)), StatusVersion: int(numberOf(it, attrVersion)),
		LastUpdated: instant(p.U), Revision: int(numberOf(it, attrRevision)), Hold: p.H, PaymentDate: p.PD, Quote: p.Q, Booking: p.B, BookedEntry: p.BE,
		Net: p.N, ToPay: p.P, ApprovedNet: p.CN, ApprovedPay: p.CP, Kept: p.K, SetOffs: p.SO, Payout: p.PO, Preparers: p.PR, Parties: p.PA, Approvals: p.AP, Review: p.RW, Automatic: p.AU, Waived: p.WV, Lacks: p.LP, Awaits: p.AW, HeldSince: instant(p.HS), Paper: p.INV, Disputed: p.DS, ConfirmBy: p.CB, StatementSent: p.SS, Confirmed: p.CF, Arrival: instant(p.A), FirstArrival: instant(p.FA),
		ReasonClass: p.C, ReopenedBy: p.RB, Last: p.L}
	s.Tenant, s.ID, s.OpenedAt = tenant, id, instant(p.OT)
	s.TransitionID = s.OpenedBy
	from := settlement.PendingReview
	for _, h := range p.HI {
		m := settlement.Move{From: from, To: settlement.Status(h.T), At: instant(h.M), By: h.B, TransitionID: h.I, Reason: h.R}
		s.History = append(s.History, m)
		from, s.TransitionID = m.To, m.TransitionID
	}
	return s, nil
}
