package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"fenzhang/local/runtimeapi"
	"fenzhang/shared/lambda/trigger"
)

// checkAnswer returns an error when a function's answer to an event means failure: an error of the
// handler, a status that is not 2xx, a failed record of a batch, or a refused caller.
func checkAnswer(payload []byte, answer runtimeapi.Answer) error {
	if answer.Failed {
		return errors.New("the function returned an error")
	}
	var a struct {
		StatusCode   int                  `json:"statusCode"`
		Failures     *[]map[string]string `json:"batchItemFailures"`
		IsAuthorized *bool                `json:"isAuthorized"`
		Context      map[string]any       `json:"context"`
	}
	kind, err := trigger.KindOf(payload)
	if err != nil {
		return err
	}
	if kind != trigger.Job && kind != trigger.Objects {
		if err := json.Unmarshal(answer.Body, &a); err != nil {
			return err
		}
	}
	switch {
	case kind == trigger.HTTP && a.IsAuthorized != nil:
		if !*a.IsAuthorized || a.Context["refused"] != nil {
			return errors.New("the caller was refused")
		}
	case kind == trigger.HTTP && (a.StatusCode < 200 || a.StatusCode > 299):
		return fmt.Errorf("status %d", a.StatusCode)
	// every function returns the list of failures, also when the list is empty
	case (kind == trigger.Queue || kind == trigger.Stream) && a.Failures == nil:
		return errors.New("the batch failed: batchItemFailures is null")
	case (kind == trigger.Queue || kind == trigger.Stream) && len(*a.Failures) > 0:
		return fmt.Errorf("%d records failed", len(*a.Failures))
	}
	return nil
}

// indentAnswer indents an answer, and also the JSON in the body of an HTTP answer.
func indentAnswer(answer []byte) string {
	var a map[string]any
	if json.Unmarshal(answer, &a) != nil {
		return string(answer)
	}
	if body, ok := a["body"].(string); ok && json.Valid([]byte(body)) {
		a["body"] = json.RawMessage(body)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(a) != nil {
		return string(answer)
	}
	return string(bytes.TrimSpace(out.Bytes()))
}
