package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// order is an order as the Douyin interface buyin.instituteOrderMCN returns it, with all fields;
// amounts are in fen, rates times 10,000.
type order struct {
	OrderID                        string `json:"order_id"`
	ProductID                      int64  `json:"product_id"`
	ProductName                    string `json:"product_name"`
	AuthorAccount                  string `json:"author_account"`
	AuthorOpenID                   string `json:"author_openid"`
	AuthorBuyinID                  string `json:"author_buyin_id"`
	AuthorShortID                  string `json:"author_short_id"`
	ShopID                         int64  `json:"shop_id"`
	ShopName                       string `json:"shop_name"`
	TotalPayAmount                 int64  `json:"total_pay_amount"`
	PayGoodsAmount                 int64  `json:"pay_goods_amount"`
	SettledGoodsAmount             int64  `json:"settled_goods_amount"`
	CommissionRate                 int64  `json:"commission_rate"`
	EstimatedCommission            int64  `json:"estimated_commission"`
	RealCommission                 int64  `json:"real_commission"`
	AllianceSplitRate              int64  `json:"alliance_split_rate"`
	TechServiceFeeRate             int64  `json:"tech_service_fee_rate"`
	EstimatedTechServiceFee        int64  `json:"estimated_tech_service_fee"`
	SettledTechServiceFee          int64  `json:"settled_tech_service_fee"`
	EstimatedInstitutionCommission int64  `json:"estimated_institution_commission"`
	InstitutionCommission          int64  `json:"institution_commission"`
	ItemNum                        int64  `json:"item_num"`
	MediaType                      string `json:"media_type"`
	MediaID                        int64  `json:"media_id"`
	FlowPoint                      string `json:"flow_point"`
	App                            string `json:"app"`
	PaySuccessTime                 string `json:"pay_success_time"`
	SettleTime                     string `json:"settle_time"`
	RefundTime                     string `json:"refund_time"`
	UpdateTime                     string `json:"update_time"`
}

// techFeeRate is the platform's service fee: a tenth of the commission.
const techFeeRate = 1000

// stamp is the format of times in the order interface.
const stamp = "2006-01-02 15:04:05"

// goods are what is sold, by which shop, at which commission rate.
var goods = [...]struct {
	name, shop string
	rate       int64
}{
	{"龙井茶礼盒 250g", "样例茶行", 2000}, {"轻量徒步鞋", "样例户外", 1500}, {"真丝衬衫", "样例衣橱", 2500},
	{"便携榨汁杯", "样例家电", 1800}, {"儿童绘本套装", "样例书店", 3000}, {"手工银饰", "样例首饰", 3000},
}

// shopping generates the orders of a tenant, and keeps those that may be refunded later.
type shopping struct {
	r       *random
	serial  int64
	settled []settledOrder
}

// settledOrder is a settled order that may be refunded in the next month.
type settledOrder struct {
	order
	owner member
}

// makeSettledOrder generates a settled order of which the agency receives inst fen.
func (s *shopping) makeSettledOrder(m member, month civil.Month, inst int64) order {
	o := s.makePaidOrder(m, month)
	o.InstitutionCommission = inst
	o.RealCommission = commissionFor(inst)
	o.SettledTechServiceFee = o.RealCommission - inst
	// goods and rate must give exactly the settled commission: the client checks it
	o.SettledGoodsAmount = goodsFor(o.RealCommission, o.CommissionRate)
	o.PayGoodsAmount, o.TotalPayAmount = o.SettledGoodsAmount, o.SettledGoodsAmount
	o.EstimatedCommission = o.RealCommission
	o.EstimatedTechServiceFee = o.SettledTechServiceFee
	o.EstimatedInstitutionCommission = inst
	o.FlowPoint = income.Settle
	settle := month.Day(1 + s.r.below(month.Last().Day())).Start().Add(s.randomHours(24))
	o.SettleTime = settle.Format(stamp)
	// the platform settles about two weeks after the payment
	o.PaySuccessTime = settle.AddDate(0, 0, -16).Format(stamp)
	o.UpdateTime = o.SettleTime
	return o
}

// makePaidOrder generates an order that was paid and not settled; its commission is an estimate.
func (s *shopping) makePaidOrder(m member, month civil.Month) order {
	s.serial++
	g := pickRandom(s.r, goods[:])
	pay := s.r.between(39_00, 899_00)
	at := month.Day(1 + s.r.below(month.Last().Day())).Start().Add(s.randomHours(24))
	estimate := money.Fen(pay).MulDiv(g.rate, 10_000, money.HalfEven).Fen()
	fee := money.Fen(estimate).MulDiv(techFeeRate, 10_000, money.HalfEven).Fen()
	return order{
		OrderID:   fmt.Sprintf("69%s%012d", month.String()[2:4]+month.String()[5:], s.serial),
		ProductID: 3_500_000_000 + s.r.between(1, 9999), ProductName: g.name,
		AuthorAccount: m.nick, AuthorOpenID: m.uid, AuthorBuyinID: "7" + m.uid, AuthorShortID: m.uid,
		ShopID: 100_000 + int64(len(g.shop)) + g.rate, ShopName: g.shop,
		TotalPayAmount: pay, PayGoodsAmount: pay, CommissionRate: g.rate, EstimatedCommission: estimate,
		TechServiceFeeRate: techFeeRate, EstimatedTechServiceFee: fee,
		EstimatedInstitutionCommission: estimate - fee,
		ItemNum:                        s.r.between(1, 3), MediaType: pickRandom(s.r,
			[]string{"live", "live", "video", "shop_list"}), MediaID: 7_400_000_000 + s.serial,
		FlowPoint: income.PaySucc, App: "抖音", PaySuccessTime: at.Format(stamp),
		UpdateTime: at.Format(stamp),
	}
}

// randomHours returns a random duration of up to n hours.
func (s *shopping) randomHours(n int64) time.Duration {
	return time.Duration(s.r.between(0, n*3600-1)) * time.Second
}

// commissionFor returns the commission that leaves inst fen after the platform's fee.
func commissionFor(inst int64) int64 {
	// a first estimate from below: the fee is a tenth
	c := inst * 10 / 9
	for c-money.Fen(c).MulDiv(techFeeRate, 10_000, money.HalfEven).Fen() < inst {
		c++
	}
	return c
}

// goodsFor returns an amount of goods of which the commission at a rate is exact.
func goodsFor(commission, rate int64) int64 {
	g := commission * 10_000 / rate
	for money.Fen(g).MulDiv(rate, 10_000, money.HalfEven).Fen() < commission {
		g++
	}
	return g
}

// makeMonth generates the orders that were updated in one month, and adds what they lead to in
// statements.
func (s *shopping) makeMonth(members []member, index int, sums tally) []order {
	month := serviceMonths()[index]
	// only orders of the month before can be refunded in this one
	earlier := s.settled
	s.settled = nil
	var all []order
	for _, m := range members {
		total := m.plannedTotal(s.r, commerce, index)
		if total == 0 {
			continue
		}
		all = append(all, s.makeCreatorMonth(m, month, total)...)
		sums.add(m, commerce, month, total)
	}
	all = append(all, s.refundOrders(earlier, month, sums)...)
	if index == 1 { // one order has goods and a rate that do not give the settled commission
		odd := slices.IndexFunc(all, func(o order) bool {
			return o.FlowPoint == income.Settle && o.SettledGoodsAmount > 500_00
		})
		all[odd].SettledGoodsAmount += 7_00
	}
	shuffle(s.r, all)
	return all
}

// makeCreatorMonth generates settled orders of total fen, and among them orders that are not
// settled.
func (s *shopping) makeCreatorMonth(m member, month civil.Month, total int64) []order {
	n := int(max(1, min(16, total/150_00)))
	var all []order
	for _, fen := range s.r.splitTotal(total, n, 5) {
		o := s.makeSettledOrder(m, month, fen)
		all = append(all, o)
		s.settled = append(s.settled, settledOrder{o, m})
	}
	for range 2 + s.r.below(5) {
		o := s.makePaidOrder(m, month)
		switch s.r.below(4) {
		case 0:
			o.FlowPoint = income.Confirm
		// a refund before the settlement is no income and no loss
		case 1:
			o.FlowPoint, o.RefundTime = income.Refund, o.UpdateTime
		}
		all = append(all, o)
	}
	return all
}

// refundOrders refunds some orders that were settled in the month before, which reduces the income
// of this month.
func (s *shopping) refundOrders(earlier []settledOrder, month civil.Month, sums tally) []order {
	var back []order
	for _, e := range earlier {
		now := sums[statementKey{ident.Creator(e.owner.id), commerce, month}]
		// worked cases must keep their figures, and no statement may become negative
		if e.owner.fixed || now < 3*e.InstitutionCommission || len(back) == 3 || !s.r.chance(10) {
			continue
		}
		o := e.order
		o.FlowPoint = income.Refund
		o.RefundTime = month.Day(3 + s.r.below(5)).Start().Add(s.randomHours(24)).Format(stamp)
		o.UpdateTime = o.RefundTime
		back = append(back, o)
		sums.add(e.owner, commerce, month, -o.InstitutionCommission)
	}
	return back
}

// pageSize is the number of orders in one answer of the interface.
const pageSize = 100

// writePages writes the orders as the answers of the interface, one on each line. Pages overlap by
// one order, as they do when orders change between two calls.
func writePages(orders []order) ([]byte, error) {
	type data struct {
		Orders []order `json:"orders"`
		Cursor string  `json:"cursor"`
		Total  int     `json:"total"`
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for from := 0; from < len(orders); from += pageSize - 1 {
		to := min(from+pageSize, len(orders))
		err := enc.Encode(struct {
			Code int    `json:"code"`
			Msg  string `json:"msg"`
			Data data   `json:"data"`
		}{10000, "success", data{orders[from:to], fmt.Sprintf("c%06d", to), len(orders)}})
		if err != nil || to == len(orders) {
			return b.Bytes(), err
		}
	}
	return b.Bytes(), nil
}
