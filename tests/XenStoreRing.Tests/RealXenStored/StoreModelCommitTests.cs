namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The model against a table of what a real daemon does at a commit, where random sequences seldom lead.</summary>
public sealed class StoreModelCommitTests
{
    private readonly StoreModel _model = new(owner: 0);

    [Theory]
    [MemberData(nameof(TransactionTests.Commits), MemberType = typeof(TransactionTests))]
    public void A_commit_tells_what_the_transaction_did_to_each_node(string inside, string events)
    {
        Apply(StoreOperationKind.Write, "dir/old", "1", 0);
        Apply(StoreOperationKind.Watch, "", "above", 0);
        Apply(StoreOperationKind.Watch, "dir/old", "exact", 0);
        Apply(StoreOperationKind.Watch, "dir/new", "exact", 0);
        Apply(StoreOperationKind.Begin, "", "", 1);
        foreach (string[] step in inside.Split(", ").Select(step => step.Split(' ')))
        {
            Assert.Empty(step[0] switch
            {
                "write" => Apply(StoreOperationKind.Write, step[1], "2", 1),
                "mkdir" => Apply(StoreOperationKind.Mkdir, step[1], "", 1),
                "rm" => Apply(StoreOperationKind.Remove, step[1], "", 1),
                "perms" => Apply(StoreOperationKind.SetPermissions, step[1], "r", 1),
                _ => throw new ArgumentException($"no such step: {step[0]}", nameof(inside)),
            });
        }

        Assert.Equal(events, string.Join(' ', Apply(StoreOperationKind.Commit, "", "", 1).Order(StringComparer.Ordinal)));
    }

    private List<string> Apply(StoreOperationKind kind, string path, string value, int transaction)
    {
        List<string> events = new();
        Assert.Equal("OK", _model.Apply(new(kind, path, value, transaction, ByOther: false), events));
        return events;
    }
}
