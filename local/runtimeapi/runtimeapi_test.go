package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fenzhang/local/runtimeapi"
)

// function asks for one event as a function's runtime does, and posts an answer of a kind.
func function(ctx context.Context, t *testing.T, addr, kind, body string) (event string) {
	t.Helper()
	base := "http://" + addr + "/2018-06-01/runtime/invocation/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"next", nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	payload, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Error(err)
	}
	post(ctx, t, base+res.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/"+kind, body)
	return string(payload)
}

func post(ctx context.Context, t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusAccepted {
		t.Errorf("%v %v", res, err)
		return
	}
	_ = res.Body.Close() // it is empty
}

func start(t *testing.T) *runtimeapi.API {
	t.Helper()
	api, err := runtimeapi.Start(t.Context(), "a-function")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return api
}

func TestAnEventIsAnsweredOnceOrFails(t *testing.T) {
	for kind, failed := range map[string]bool{"response": false, "error": true} {
		t.Run(kind, func(t *testing.T) {
			api, events := start(t), make(chan string, 1)
			go func() { events <- function(t.Context(), t, api.Addr, kind, "said") }()
			got, err := api.Invoke(t.Context(), []byte("the event"), nil)
			if err != nil || string(got.Body) != "said" || got.Failed != failed {
				t.Errorf("answer %+v, %v", got, err)
			}
			if event := <-events; event != "the event" {
				t.Errorf("the function got %q", event)
			}
			select {
			case <-api.Polled():
			default:
				t.Error("the function asked, and nobody noticed")
			}
		})
	}
}

func TestAFunctionThatEndsIsNotWaitedFor(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	if _, err := start(t).Invoke(t.Context(), nil, ended); !errors.Is(err, runtimeapi.ErrEnded) {
		t.Errorf("got %v", err)
	}
	api := start(t)
	var posted sync.WaitGroup
	defer posted.Wait() // the answer to the post may come after that of Invoke, and t ends with this function
	posted.Go(func() { post(t.Context(), t, "http://"+api.Addr+"/2018-06-01/runtime/init/error", "no table") })
	if _, err := api.Invoke(t.Context(), nil, nil); !errors.Is(err, runtimeapi.ErrEnded) || !strings.Contains(err.Error(), "no table") {
		t.Errorf("got %v", err)
	}
}
