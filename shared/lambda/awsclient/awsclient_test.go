package awsclient

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestConfigReadsTheEnvironment(t *testing.T) {
	vars := map[string]string{
		"AWS_REGION": "cn-north-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN": "session", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
	}
	cfg, err := configFrom(func(name string) string { return vars[name] })
	if err != nil {
		t.Fatal(err)
	}
	creds, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || creds.AccessKeyID != "id" || creds.SecretAccessKey != "secret" || creds.SessionToken != "session" {
		t.Errorf("credentials %v, %v", creds, err)
	}
	if cfg.Region != "cn-north-1" || aws.ToString(cfg.BaseEndpoint) != "http://127.0.0.1:4566" {
		t.Errorf("region %q, endpoint %q", cfg.Region, aws.ToString(cfg.BaseEndpoint))
	}
}

func TestConfigNeedsARegion(t *testing.T) {
	if _, err := configFrom(func(string) string { return "" }); !errors.Is(err, ErrRegion) {
		t.Errorf("got %v", err)
	}
}

// A function that is started outside the local stack by mistake must not find its way to the real AWS.
func TestStageLocalNeedsAnEndpoint(t *testing.T) {
	for _, c := range []struct {
		name, stage, endpoint string
		want                  error
	}{
		{"a local stack", "local", "http://127.0.0.1:4566", nil},
		{"no local stack", "local", "", ErrEndpoint},
		{"AWS", "prod", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			vars := map[string]string{"AWS_REGION": "us-east-1", "STAGE": c.stage, "AWS_ENDPOINT_URL": c.endpoint}
			cfg, err := configFrom(func(name string) string { return vars[name] })
			if !errors.Is(err, c.want) || aws.ToString(cfg.BaseEndpoint) != c.endpoint {
				t.Errorf("endpoint %q, %v", aws.ToString(cfg.BaseEndpoint), err)
			}
		})
	}
}

type fakeSecrets struct {
	value *string
	err   error
	calls int
}

func (f *fakeSecrets) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	f.calls++
	return &secretsmanager.GetSecretValueOutput{SecretString: f.value}, f.err
}

func TestCachedSecretIsReadAgainAfterItsAge(t *testing.T) {
	f := &fakeSecrets{value: aws.String("one")}
	now := time.Unix(1_000_000, 0)
	c := NewCachedSecret(f, "arn", func() time.Time { return now })
	get := func(want string, calls int) {
		t.Helper()
		got, err := c.Get(context.Background())
		if err != nil || got != want || f.calls != calls {
			t.Fatalf("got %q, %v after %d calls, want %q after %d", got, err, f.calls, want, calls)
		}
	}
	get("one", 1)
	f.value = aws.String("two")
	now = now.Add(SecretAge - time.Second)
	get("one", 1)
	now = now.Add(time.Second)
	get("two", 2)
	f.value = aws.String("three")
	now = now.Add(20 * time.Second)
	if got, err := c.GetWithin(context.Background(), 10*time.Second); err != nil || got != "three" {
		t.Fatalf("a younger value was asked for, got %q, %v", got, err)
	}
}

func TestSecretThatIsNotText(t *testing.T) {
	if _, err := ReadSecret(context.Background(), &fakeSecrets{}, "arn"); !errors.Is(err, errNotText) {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if _, err := ReadSecret(context.Background(), &fakeSecrets{err: broken}, "arn"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
