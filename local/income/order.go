package income

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Order is a commerce order as the Douyin MCN alliance interface (buyin.instituteOrderMCN) gives
// it: amounts in fen, rates times 10,000, times in Shanghai. Fields we do not use are not read.
type Order struct {
	OrderID               string `json:"order_id"`
	ProductName           string `json:"product_name"`
	AuthorAccount         string `json:"author_account"`
	AuthorOpenID          string `json:"author_openid"`
	ShopID                int64  `json:"shop_id"`
	SettledGoodsAmount    int64  `json:"settled_goods_amount"`
	CommissionRate        int64  `json:"commission_rate"`
	RealCommission        int64  `json:"real_commission"`
	SettledTechServiceFee int64  `json:"settled_tech_service_fee"`
	InstitutionCommission int64  `json:"institution_commission"`
	ItemNum               int64  `json:"item_num"`
	FlowPoint             string `json:"flow_point"`
	SettleTime            string `json:"settle_time"`
	RefundTime            string `json:"refund_time"`
}

// The life of an order. Only SETTLE is money; the rest are estimates, or take money back.
const (
	PaySucc = "PAY_SUCC"
	Confirm = "CONFIRM"
	Settle  = "SETTLE"
	Refund  = "REFUND"
)

// page is one answer of the interface.
type page struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data struct {
		Orders []json.RawMessage `json:"orders"`
	} `json:"data"`
}

// pageOK is the interface's code of success.
const pageOK = 10000

// maxLine bounds one line of an NDJSON file; a page of 200 orders has some 250 KB.
const maxLine = 4 << 20

// ReadOrders reads pages of the order interface, one JSON document in each line. spec.IncomeType
// and spec.Platform go into the lines. A bad page or order is refused and the rest is read.
func ReadOrders(r io.Reader, spec Spec) (Batch, error) {
	var out Batch
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for row := 1; lines.Scan(); row++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var p page
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			out.Refused = append(out.Refused, Remark{spec.Source, row, "", "page: " + err.Error()})
			continue
		}
		if p.Code != pageOK {
			out.Refused = append(out.Refused,
				Remark{spec.Source, row, "", fmt.Sprintf("page: code %d %s", p.Code, p.Msg)})
			continue
		}
		for _, raw := range p.Data.Orders {
			out.addOrder(spec, row, raw)
		}
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("%s: %w", spec.Source, err)
	}
	return out, nil
}

// addOrder puts one order where it belongs.
func (b *Batch) addOrder(spec Spec, row int, raw json.RawMessage) {
	var o Order
	refuse := func(err error) {
		b.Refused = append(b.Refused, Remark{spec.Source, row, o.OrderID, err.Error()})
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		refuse(err)
		return
	}
	if !o.isMoney() {
		b.Ignored++
		return
	}
	line, err := o.line(spec)
	if err != nil {
		refuse(err)
		return
	}
	b.Lines = append(b.Lines, line)
	if want := o.commissionCheck(); want.Fen() != o.RealCommission {
		b.Noted = append(b.Noted, Remark{spec.Source, row, o.OrderID,
			fmt.Sprintf("goods x rate gives %s, the platform settled %s", want,
				money.Fen(o.RealCommission))})
	}
}

// isMoney tells that an order was settled, or came back after it was settled. A refund before the
// settlement never was money.
func (o Order) isMoney() bool {
	settled := o.FlowPoint == Settle || (o.FlowPoint == Refund && o.SettleTime != "")
	return settled && o.RealCommission != 0
}

// commissionCheck is what goods and rate would give, half-even to the fen; the platform's figure
// stays the base.
func (o Order) commissionCheck() money.Amount {
	return money.Ratio(o.CommissionRate, 10_000).Of(money.Fen(o.SettledGoodsAmount), money.HalfEven)
}

var orderPattern = regexp.MustCompile(`^[0-9]{6,32}$`)

// maxOrder bounds one order in fen, so that sums stay far from the edge of 64 bits.
const maxOrder = 1_000_000_000_000

func (o Order) check() error {
	if !orderPattern.MatchString(o.OrderID) {
		return errors.New("order_id is not 6 to 32 digits")
	}
	for _, n := range []int64{o.SettledGoodsAmount, o.RealCommission, o.SettledTechServiceFee,
		o.InstitutionCommission, o.ItemNum} {
		if n < 0 || n > maxOrder {
			return errors.New("an amount is negative or absurdly large")
		}
	}
	if o.CommissionRate < 0 || o.CommissionRate > 10_000 {
		return errors.New("commission_rate is above 10000")
	}
	if o.InstitutionCommission == 0 {
		return errors.New("settled, but institution_commission is 0")
	}
	return nil
}

// line is the income of a settled order, or the line that takes it back: it falls into the month of
// the settlement or of the refund.
func (o Order) line(spec Spec) (Line, error) {
	if err := o.check(); err != nil {
		return Line{}, err
	}
	l := Line{
		LineID: "dy" + o.OrderID, IncomeType: spec.IncomeType, Platform: spec.Platform,
		Source:     spec.Source,
		AccountUID: o.AuthorOpenID, Nickname: o.AuthorAccount, ShopID: fmt.Sprint(o.ShopID),
		Count: o.ItemNum, Description: o.ProductName,
	}
	var err error
	if l.CreatorID, err = spec.Roster.find(spec.Platform, o.AuthorOpenID); err != nil {
		return l, err
	}
	at := o.SettleTime
	got := money.Fen(o.InstitutionCommission)
	if o.FlowPoint == Refund {
		l.LineID += "-refund"
		l.Refund = got
		l.Distributable = got.Neg()
		at = o.RefundTime
	} else {
		l.Gross = money.Fen(o.RealCommission)
		l.PlatformFee = money.Fen(o.SettledTechServiceFee)
		l.Distributable = got
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05", at, civil.Shanghai)
	if err != nil || t.Year() < 2000 {
		return l, fmt.Errorf("%s at %q is no time", o.FlowPoint, at)
	}
	l.OccurredOn, l.ServicePeriod = civil.DateOf(t), civil.MonthOf(t)
	return l, nil
}
