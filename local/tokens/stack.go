package tokens

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// StackConfig returns the AWS configuration of a running stack from the variables of its settings
// file. A local stack has one endpoint for all services.
func StackConfig(vars map[string]string) aws.Config {
	cfg := aws.Config{
		Region: vars["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"],
			vars["AWS_SECRET_ACCESS_KEY"], ""),
	}
	if endpoint := vars["AWS_ENDPOINT_URL"]; endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg
}

// ForStack returns the signer of a running stack, whose key is read from Secrets Manager. The
// function env returns the stack's JWT_SECRET_ARN, JWT_ISSUER and JWT_AUDIENCE.
func ForStack(ctx context.Context, cfg aws.Config, env func(string) string) (Signer, error) {
	arn := env("JWT_SECRET_ARN")
	if arn == "" {
		return Signer{}, fmt.Errorf("tokens: the stack names no JWT_SECRET_ARN")
	}
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return Signer{}, fmt.Errorf("tokens: read the signing key: %w", err)
	}
	kid, key, err := ParseSecret(aws.ToString(out.SecretString))
	if err != nil {
		return Signer{}, err
	}
	return Signer{KeyID: kid, Key: key, Issuer: env("JWT_ISSUER"), Audience: env("JWT_AUDIENCE"),
		Now: time.Now}, nil
}
