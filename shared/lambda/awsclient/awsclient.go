// Package awsclient makes the AWS configuration of a function from the environment variables that
// Lambda sets. Package awsclient reads no configuration files and does not call the instance
// metadata service, which would slow down a cold start.
package awsclient

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// ErrRegion reports that the environment has no region.
var ErrRegion = errors.New("awsclient: AWS_REGION is not set")

// ErrEndpoint reports that a function of a local stack has no endpoint; the SDK would call the real
// AWS.
var ErrEndpoint = errors.New(
	"awsclient: STAGE is local and AWS_ENDPOINT_URL is not set, so this function would call " +
		"the real AWS; start it with the variables of .local/sam-env.json, which make up writes")

// Config reads region, credentials and endpoint from AWS_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_ENDPOINT_URL.
//
// Errors: ErrRegion; ErrEndpoint when STAGE is local and AWS_ENDPOINT_URL is missing.
func Config(_ context.Context) (aws.Config, error) { return configFrom(os.Getenv) }

// configFrom makes the configuration from any source of variables.
func configFrom(get func(string) string) (aws.Config, error) {
	region := get("AWS_REGION")
	if region == "" {
		return aws.Config{}, ErrRegion
	}
	cfg := aws.Config{
		Region: region,
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(10 * time.Second).WithTransportOptions(
			tuneTransport),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: get("AWS_ACCESS_KEY_ID"), SecretAccessKey: get("AWS_SECRET_ACCESS_KEY"),
				SessionToken: get("AWS_SESSION_TOKEN"), Source: "environment",
			}, nil
		}),
	}
	switch endpoint := get("AWS_ENDPOINT_URL"); {
	case endpoint != "":
		cfg.BaseEndpoint = aws.String(endpoint)
	case get("STAGE") == "local":
		return aws.Config{}, ErrEndpoint
	}
	return cfg, nil
}

// answerLimit is how long AWS may take until an answer begins; then the SDK sends the call again.
// Three attempts end before the 15 seconds of a function that serves HTTP, so that the caller
// receives an answer.
const answerLimit = 3 * time.Second

// tuneTransport bounds the wait for an answer and keeps enough idle connections for the parallel
// calls of a batch, because each new connection costs a TLS handshake.
func tuneTransport(t *http.Transport) {
	t.TLSHandshakeTimeout = answerLimit
	t.ResponseHeaderTimeout = answerLimit
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 128, 64
	// DynamoDB closes idle connections after a minute; ours must be closed before
	t.IdleConnTimeout = 50 * time.Second
}
