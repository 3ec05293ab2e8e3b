// Package revocation knows which tokens were revoked before they expired.
package revocation

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
)

// MaxAge is how old a list of revocations may be when a token is compared with it.
const MaxAge = 20 * time.Second

// SubjectsAttribute is the attribute of a tenant's item with the revocations: a map from subject to
// seconds of Unix time. The tokens of a subject that expire at or before that second are revoked.
const SubjectsAttribute = "subjects"

// API is the call of the DynamoDB client that this package needs.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// List reads the revocations of tenants and caches them for MaxAge. List implements
// httpapi.Revocations.
type List struct {
	db    API
	table string
	now   func() time.Time

	mu   sync.Mutex
	kept map[string]revokedSubjects
}

// revokedSubjects are the revocations of one tenant.
type revokedSubjects struct {
	// until maps a subject to the latest expiry, in seconds of Unix time, of its revoked tokens.
	until map[string]int64
	read  time.Time
}

// New returns a List that reads from the control table. now returns the real time.
func New(db API, controlTable string, now func() time.Time) *List {
	return &List{db: db, table: controlTable, now: now, kept: map[string]revokedSubjects{}}
}

// IsRevoked reports whether the caller's token was revoked.
func (l *List) IsRevoked(ctx context.Context, p identity.Principal) (bool, error) {
	list, err := l.tenantRevocations(ctx, p.Tenant)
	if err != nil {
		return false, err
	}
	until, ok := list.until[p.Subject]
	// a token that the subject got after the revocation expires later, and stays valid
	return ok && p.Expires.Unix() <= until, nil
}

// tenantRevocations returns the revocations of a tenant, at most MaxAge old. tenantRevocations
// holds the lock during the read, so that parallel calls in one instance cause one read.
func (l *List) tenantRevocations(ctx context.Context,
	tenant ident.Tenant) (revokedSubjects, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if list, ok := l.kept[string(tenant)]; ok && now.Sub(list.read) < MaxAge {
		return list, nil
	}
	list, err := l.loadRevocations(ctx, tenant)
	if err != nil {
		return revokedSubjects{}, fmt.Errorf("read revocations: %w", err)
	}
	list.read = now
	l.dropExpired(now)
	l.kept[string(tenant)] = list
	return list, nil
}

// dropExpired removes lists that are older than MaxAge, so that memory holds only tenants that
// called lately.
func (l *List) dropExpired(now time.Time) {
	for tenant, list := range l.kept {
		if now.Sub(list.read) >= MaxAge {
			delete(l.kept, tenant)
		}
	}
}

// loadRevocations reads a tenant's revocations with strong consistency; a tenant without an item
// has none.
func (l *List) loadRevocations(ctx context.Context, tenant ident.Tenant) (revokedSubjects, error) {
	k := keys.Revocations(tenant)
	out, err := l.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &l.table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK},
			"sk": &types.AttributeValueMemberS{Value: k.SK}},
	})
	if err != nil {
		return revokedSubjects{}, awsfault.Classify(err)
	}
	list := revokedSubjects{until: map[string]int64{}}
	subjects, ok := out.Item[SubjectsAttribute].(*types.AttributeValueMemberM)
	if !ok {
		return list, nil
	}
	for subject, v := range subjects.Value {
		n, ok := v.(*types.AttributeValueMemberN)
		if !ok {
			return revokedSubjects{}, fmt.Errorf("%s of %s is not a number", SubjectsAttribute, tenant)
		}
		if list.until[subject], err = strconv.ParseInt(n.Value, 10, 64); err != nil {
			return revokedSubjects{}, err
		}
	}
	return list, nil
}
