package income

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// ReadEvents reads incentive events, one JSON document on each line, and returns them unchanged:
// the API decides whether an event is valid. Lines that are no JSON are refused here, because no
// request body could carry them.
func ReadEvents(r io.Reader, source string) ([]json.RawMessage, []Remark, error) {
	var events []json.RawMessage
	var refused []Remark
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for row := 1; lines.Scan(); row++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if !json.Valid(text) {
			refused = append(refused, Remark{Source: source, Row: row, Reason: "is not JSON"})
			continue
		}
		events = append(events, bytes.Clone(text))
	}
	if err := lines.Err(); err != nil {
		return events, refused, fmt.Errorf("%s: %w", source, err)
	}
	return events, refused, nil
}
