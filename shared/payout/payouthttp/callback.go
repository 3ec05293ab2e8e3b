// Package payouthttp serves the route to which payment gateways send their notices.
package payouthttp

import (
	"context"
	"net/http"

	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/payout"
)

// NoticeHandler handles the notice of a gateway; payout.Service implements it.
type NoticeHandler interface {
	HandleNotice(ctx context.Context, method payout.Method, headers map[string]string,
		body []byte) error
}

// Acknowledgement is the body that confirms a notice; after any other answer the gateway repeats
// the notice.
type Acknowledgement struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// CallbackRoute returns the route for notices. CallbackRoute needs no token, because the signature
// of the notice identifies its sender.
func CallbackRoute(l NoticeHandler) httpapi.Route {
	return httpapi.Route{Method: http.MethodPost, Path: "/v1/payouts/callbacks/{gateway}", Open: true,
		Handle: func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
			if err := l.HandleNotice(ctx, payout.Method(r.Params["gateway"]), r.Header, r.Body); err != nil {
				return httpapi.Response{}, err
			}
			return httpapi.OK(Acknowledgement{Code: "SUCCESS", Message: "ok"}), nil
		}}
}
