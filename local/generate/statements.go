package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// row is one row of a platform's statement, before it gets the headings of its file. Figures are
// texts in the unit of the row.
type row struct {
	id, day, period, uid, nick, unit                     string
	gross, fee, refund, subsidy, settled, count, comment string
}

// cellsFor returns the cells of the row in the order of the headings.
func (r row) cellsFor() []string {
	return []string{r.id, r.day, r.period, r.uid, r.nick, r.unit, r.gross, r.fee, r.refund, r.subsidy,
		r.settled, r.count, r.comment}
}

// Headings of the same columns in different exports: platforms rename them from export to export.
var (
	tipHeadings = [...][]string{
		{"结算流水号", "结算日期", "所属期", "主播UID", "主播昵称", "单位", "流水", "平台分成", "退款", "平台补贴", "机构结算", "场次", "备注"},
		{"流水号", "日期", "账期", "抖音UID", "昵称", "计量单位", "收入总额", "平台服务费", "退款金额", "活动补贴", "可分配金额",
			"直播场次", "说明"},
		{"结算单号", "结算日期", "业务月份", "主播UID", "达人昵称", "单位", "流水", "平台分成", "退款", "活动补贴", "结算金额", "场次", "备注"},
	}
	adHeadings = []string{"任务单号", "完成日期", "所属期", "达人UID", "达人昵称", "单位", "任务总额", "平台服务费", "退款金额",
		"平台补贴", "结算金额", "视频条数", "任务名称"}
)

// fenPerCoin is the value of a coin: ten coins are one yuan in the sample rate table.
const fenPerCoin = 10

// makeTipRows generates the live rooms of a creator in one month, with a total of so many fen.
func makeTipRows(r *random, m member, month civil.Month, total int64, serial *int) []row {
	n := int(r.between(3, 6))
	if total < 2000 {
		n = 1
	}
	var rows []row
	for _, fen := range r.splitTotal(total, n, fenPerCoin) {
		*serial++
		rows = append(rows, makeTipRow(r, m, month, fen, *serial))
	}
	return rows
}

// makeTipRow generates one live room; the platform keeps half of what viewers spend.
func makeTipRow(r *random, m member, month civil.Month, fen int64, serial int) row {
	day := month.Day(1 + r.below(month.Last().Day()))
	out := row{id: fmt.Sprintf("LT%s-%05d", month.String()[2:4]+month.String()[5:], serial),
		day: day.String(), period: month.String(),
		uid: m.uid, nick: m.nick, count: strconv.Itoa(1 + r.below(2))}
	var subsidy int64
	if r.chance(8) && fen > 100_00 {
		subsidy = fen / 20 / fenPerCoin * fenPerCoin
	}
	write := formatCoins
	switch {
	case fen%fenPerCoin != 0 || r.chance(10):
		out.unit, write = income.Yuan, formatYuan
	case r.chance(6):
		out.unit, write = income.Fen, func(fen int64) string { return strconv.FormatInt(fen, 10) }
	default:
		out.unit = income.Coins
	}
	own := fen - subsidy
	out.gross = write(2 * own)
	out.fee = write(own)
	out.settled = write(fen)
	if subsidy > 0 {
		out.subsidy = write(subsidy)
	}
	return out
}

// formatCoins returns an amount in coins, the currency of live rooms.
func formatCoins(fen int64) string { return strconv.FormatInt(fen/fenPerCoin, 10) }

// formatYuan returns an amount in yuan with two decimals.
func formatYuan(fen int64) string { return money.Fen(fen).String() }

// makeAdRows generates the Xingtu tasks of a creator in one month; the platform keeps 5%.
func makeAdRows(r *random, m member, month civil.Month, total int64, serial *int) []row {
	var rows []row
	for _, fen := range r.splitTotal(total, 1+r.below(2), 1) {
		*serial++
		gross := money.Fen(fen).MulDiv(100, 95, money.HalfUp).Fen()
		rows = append(rows,
			row{id: fmt.Sprintf("XT%s-%04d", month.String()[2:4]+month.String()[5:], *serial),
				day: month.Day(1 + r.below(28)).String(), period: month.String(), uid: m.uid, nick: m.nick,
				unit:  income.Yuan,
				gross: formatYuan(gross), fee: formatYuan(gross - fen), settled: formatYuan(fen), count: "1",
				comment: pickRandom(r, []string{"春茶上新", "城市徒步", "秋季穿搭", "小家电测评", "开学书单"})})
	}
	return rows
}

// makeStatementRows generates the rows of live tips and Xingtu tasks of one month, and adds their
// amounts to the expected statements.
func makeStatementRows(r *random, members []member, index int, sums tally) (tips, ads []row) {
	month := serviceMonths()[index]
	var tipNo, adNo int
	for _, m := range members {
		if fen := m.plannedTotal(r, liveTip, index); fen > 0 {
			tips = append(tips, makeTipRows(r, m, month, fen, &tipNo)...)
			sums.add(m, liveTip, month, fen)
		}
		if fen := m.plannedTotal(r, xingtu, index); fen > 0 {
			ads = append(ads, makeAdRows(r, m, month, fen, &adNo)...)
			sums.add(m, xingtu, month, fen)
		}
	}
	return tips, ads
}

// addLateTips adds rows of the month before, which the platform delivers after that month was
// settled. They belong to the statement of this month.
func addLateTips(r *random, members []member, index int, sums tally) []row {
	month := serviceMonths()[index]
	var late []row
	for _, m := range members {
		if m.fixed || sums[statementKey{ident.Creator(m.id), liveTip, month}] == 0 || len(late) == 4 ||
			!r.chance(20) {
			continue
		}
		fen := r.between(50, 400) * 100
		late = append(late, makeTipRow(r, m, month.Add(-1), fen, 90000+len(late)))
		sums.add(m, liveTip, month, fen)
	}
	return late
}

// addBrokenRows repeats three rows and adds the broken row of the month: a letter among digits, an
// unknown account, or an unknown unit.
func addBrokenRows(r *random, rows []row, index int) []row {
	for range 3 {
		rows = append(rows, pickRandom(r, rows))
	}
	bad := rows[r.below(len(rows)-3)]
	switch index {
	case 0:
		bad.id = bad.id + "x"
		bad.unit = income.Yuan
		bad.settled = "12O.50"
	case 1:
		bad.id = bad.id + "x"
		bad.uid = "90000000"
		bad.nick = "路人甲"
	default:
		bad.id, bad.unit = bad.id+"x", "钻石"
	}
	at := r.below(len(rows))
	return append(rows[:at:at], append([]row{bad}, rows[at:]...)...)
}

// writeCSV returns the rows as a CSV file.
func writeCSV(headings []string, rows []row) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(headings); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := w.Write(r.cellsFor()); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// encodeGB18030 encodes a file as old spreadsheet programs do.
func encodeGB18030(utf8 []byte) ([]byte, error) {
	return simplifiedchinese.GB18030.NewEncoder().Bytes(utf8)
}
