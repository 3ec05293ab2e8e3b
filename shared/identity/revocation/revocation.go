// Package revocation knows which tokens were taken back before their time was over.
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

// MaxAge is how old the knowledge of revocations may be.
const MaxAge = 20 * time.Second

// SubjectsAttribute is the attribute of a tenant's list: a map from subject to unix seconds. Tokens
// of that subject that expire at or before that second are revoked.
const SubjectsAttribute = "subjects"

// API is the part of DynamoDB that is called.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// List reads the tenants' lists and keeps them for MaxAge. It implements httpapi.Revocations.
type List struct {
	db    API
	table string
	now   func() time.Time

	mu   sync.Mutex
	kept map[string]revokedSubjects
}

type revokedSubjects struct {
	until map[string]int64 // subject -> last second of expiry that is revoked
	read  time.Time
}

// New reads from the control table. now is the real instant.
func New(db API, controlTable string, now func() time.Time) *List {
	return &List{db: db, table: controlTable, now: now, kept: map[string]revokedSubjects{}}
}

// IsRevoked tells whether the caller's token was revoked.
func (l *List) IsRevoked(ctx context.Context, p identity.Principal) (bool, error) {
	list, err := l.tenantRevocations(ctx, p.Tenant)
	if err != nil {
		return false, err
	}
	until, ok := list.until[p.Subject]
	return ok && p.Expires.Unix() <= until, nil
}

// tenantRevocations gives a tenant's list. The lock is held while it is read: callers of one
// instance wait for one answer.
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

// dropExpired drops what is too old to be used, so that memory holds the tenants of the last MaxAge
// only.
func (l *List) dropExpired(now time.Time) {
	for tenant, list := range l.kept {
		if now.Sub(list.read) >= MaxAge {
			delete(l.kept, tenant)
		}
	}
}

func (l *List) loadRevocations(ctx context.Context, tenant ident.Tenant) (revokedSubjects, error) {
	k := keys.Revocations(tenant)
	out, err := l.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &l.table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK},
			"sk": &types.AttributeValueMemberS{Value: k.SK}},
	})
	if err != nil {
		return revokedSubjects{}, awsfault.Of(err)
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
