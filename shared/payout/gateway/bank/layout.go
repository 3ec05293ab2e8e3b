package payoutbank

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// Layout is the form of a bank's batch file. Banks differ in columns, separator and character set,
// so the layout is data of the merchant account.
type Layout struct {
	Charset   string   `json:"charset"`   // utf-8 or gb18030
	Separator string   `json:"separator"` // one character
	Columns   []Column `json:"columns"`
}

// Column is one column of a batch file: its title in the first line, and the value that it holds.
type Column struct {
	Title string `json:"title"`
	Value Field  `json:"value"`
}

// Field is a value of an order that a column can hold.
type Field string

// The values of an order that a column can hold.
const (
	Key        Field = "key"
	Holder     Field = "holder"
	AccountNo  Field = "account"
	BankName   Field = "bank"
	AmountYuan Field = "amount_yuan" // 1234.50
	AmountFen  Field = "amount_fen"
	Remark     Field = "remark"
)

//go:embed generic.json
var generic []byte

// GenericLayout returns the layout of accounts that have none of their own.
func GenericLayout() (Layout, error) { return ParseLayout(generic) }

// ParseLayout reads and validates a layout.
func ParseLayout(b []byte) (Layout, error) {
	var l Layout
	if err := json.Unmarshal(b, &l); err != nil {
		return Layout{}, fmt.Errorf("bank layout: %w", err)
	}
	return l, l.validate()
}

// validate checks charset and separator, and that the columns hold key, holder, account and exactly
// one form of the amount.
func (l Layout) validate() error {
	if l.Charset != "utf-8" && l.Charset != "gb18030" {
		return errors.New("bank layout: charset must be utf-8 or gb18030")
	}
	if utf8.RuneCountInString(l.Separator) != 1 || l.Separator == `"` || l.Separator == "\n" ||
		l.Separator == "\r" {
		return errors.New("bank layout: separator must be one character")
	}
	seen := map[Field]bool{}
	for _, c := range l.Columns {
		if _, err := c.Value.orderValue(payout.Order{}); err != nil {
			return err
		}
		seen[c.Value] = true
	}
	if !seen[Key] || !seen[Holder] || !seen[AccountNo] || seen[AmountYuan] == seen[AmountFen] {
		return errors.New("bank layout: needs key, holder, account and one column for the amount")
	}
	return nil
}

// orderValue returns the value of an order as text.
func (f Field) orderValue(o payout.Order) (string, error) {
	switch f {
	case Key:
		return o.Key, nil
	case Holder:
		return o.HolderName, nil
	case AccountNo:
		return o.Account, nil
	case BankName:
		return o.Bank, nil
	case AmountYuan:
		return o.Amount.String(), nil
	case AmountFen:
		return strconv.FormatInt(o.Amount.Fen(), 10), nil
	case Remark:
		return o.Remark, nil
	default:
		return "", fmt.Errorf("bank layout: no such value %q", string(f))
	}
}

// Encode writes a batch file: a line of titles, then one line for each order.
func (l Layout) Encode(orders []payout.Order) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, _ = utf8.DecodeRuneInString(l.Separator)
	line := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		line[i] = c.Title
	}
	if err := w.Write(line); err != nil {
		return nil, err
	}
	for _, o := range orders {
		for i, c := range l.Columns {
			v, err := c.Value.orderValue(o)
			if err != nil {
				return nil, err
			}
			line[i] = v
		}
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	if l.Charset == "gb18030" {
		return simplifiedchinese.GB18030.NewEncoder().Bytes(b.Bytes())
	}
	return b.Bytes(), w.Error()
}

// Decode reads a batch file that Encode wrote; the bank's stand-in and the tests need it. Amounts
// must be above zero, and an order number may occur only once in a file.
func (l Layout) Decode(file []byte) ([]payout.Order, error) {
	if l.Charset == "gb18030" {
		var err error
		if file, err = simplifiedchinese.GB18030.NewDecoder().Bytes(file); err != nil {
			return nil, err
		}
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.Comma, _ = utf8.DecodeRuneInString(l.Separator)
	r.FieldsPerRecord = len(l.Columns)
	if _, err := r.Read(); err != nil {
		return nil, fmt.Errorf("batch file: no line of titles: %w", err)
	}
	var orders []payout.Order
	seen := map[string]bool{}
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return orders, nil
		}
		if err != nil {
			return nil, fmt.Errorf("batch file: %w", err)
		}
		o, err := l.parseOrder(line)
		if err != nil {
			return nil, fmt.Errorf("batch file: line %d: %w", len(orders)+2, err)
		}
		if seen[o.Key] {
			return nil, fmt.Errorf("batch file: line %d repeats an order number", len(orders)+2)
		}
		seen[o.Key] = true
		orders = append(orders, o)
	}
}

// parseOrder reads the order of one line.
func (l Layout) parseOrder(line []string) (payout.Order, error) {
	var o payout.Order
	for i, c := range l.Columns {
		if err := c.Value.setOrderValue(line[i], &o); err != nil {
			return o, err
		}
	}
	if !o.Amount.Positive() {
		return o, errors.New("amount must be above zero")
	}
	return o, nil
}

// setOrderValue reads the text of a column into an order.
func (f Field) setOrderValue(text string, o *payout.Order) (err error) {
	switch f {
	case Key:
		o.Key = text
	case Holder:
		o.HolderName = text
	case AccountNo:
		o.Account = text
	case BankName:
		o.Bank = text
	case AmountYuan:
		o.Amount, err = money.Parse(text)
	case AmountFen:
		var fen int64
		fen, err = strconv.ParseInt(text, 10, 64)
		o.Amount = money.Fen(fen)
	case Remark:
		o.Remark = text
	}
	return err
}
