using System.Text;
using CsCheck;

namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>Random sequences of operations have the same answers and events from a real daemon as from a model of the store.</summary>
public sealed class StoreModelTests : IAsyncLifetime
{
    private const int Transactions = 3;
    private static readonly string[] Names = ["a", "b", "a/b", "a/c", "b/a", "a/b/c", "a/b/d", "b/a/a/a"];

    private static readonly Gen<StoreOperation> Operations =
        from kind in Gen.Frequency(
            (5, Gen.Const(StoreOperationKind.Read)),
            (4, Gen.Const(StoreOperationKind.Directory)),
            (8, Gen.Const(StoreOperationKind.Write)),
            (3, Gen.Const(StoreOperationKind.Mkdir)),
            (4, Gen.Const(StoreOperationKind.Remove)),
            (1, Gen.Const(StoreOperationKind.GetPermissions)),
            (3, Gen.Const(StoreOperationKind.SetPermissions)),
            (3, Gen.Const(StoreOperationKind.Begin)),
            (3, Gen.Const(StoreOperationKind.Commit)),
            (1, Gen.Const(StoreOperationKind.Abort)),
            (3, Gen.Const(StoreOperationKind.Watch)),
            (1, Gen.Const(StoreOperationKind.Unwatch)))
        from path in Gen.Int[0, Names.Length - 1].Select(index => Names[index])
        from value in kind == StoreOperationKind.SetPermissions
            ? Gen.Char["nrwb"].Select(letter => $"{letter}")
            : Gen.Int[1, 3].Select(number => $"{number}")
        from transaction in Gen.Int[0, Transactions]
        from byOther in Gen.Bool
        select Sensible(new(kind, path, value, transaction, byOther));

    private int _samples;
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Fact]
    public async Task The_daemon_agrees_over_its_socket() =>
        await CheckAsync("/", (root, owner) => new RawOperations(_daemon.ConnectRaw(), root, owner), 300);

    [Theory]
    [InlineData(Transport.Socket, "/")]
    [InlineData(Transport.Ring, "data/")]
    [InlineData(Transport.Ring, "/local/domain/1/data/")]
    public async Task The_client_agrees_over_either_transport(Transport transport, string parent)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await CheckAsync(parent, (root, owner) => new ClientOperations(client, root, owner), 100);
        Assert.Equal(0, client.Statistics.UnmatchedEvents + client.Statistics.UnmatchedReplies + client.Statistics.MalformedEvents);
    }

    /// <summary>The transaction that ends is a numbered one; another client and watches know no transactions here.</summary>
    private static StoreOperation Sensible(StoreOperation operation) => operation.Kind switch
    {
        StoreOperationKind.Begin or StoreOperationKind.Commit or StoreOperationKind.Abort =>
            operation with { Transaction = Math.Max(1, operation.Transaction), ByOther = false },
        StoreOperationKind.Watch or StoreOperationKind.Unwatch => operation with { Transaction = 0, ByOther = false },
        _ => operation with { Transaction = operation.ByOther ? 0 : operation.Transaction },
    };

    /// <summary>Equal events that are queued together may become one.</summary>
    private static string Describe(string answer, IEnumerable<string> events) =>
        $"{answer} [{string.Join(' ', events.Distinct().Order(StringComparer.Ordinal))}]";

    private async Task CheckAsync(string parent, Func<string, int, IStoreOperations> open, int samples) =>
        await Operations.Array[1, 60].SampleAsync(
            async operations =>
            {
                string root = $"{parent}model{++_samples}";
                // Nodes that dom0 makes in the domain's directory are the domain's as well.
                int owner = parent == "/" ? 0 : 1;
                await using RawOperations other = new(_daemon.ConnectRaw(), root[0] == '/' ? root : "/local/domain/1/" + root, owner);
                other.MakeRoot();
                await using (IStoreOperations tested = open(root, owner))
                {
                    await CheckAsync(operations, tested, other, owner);
                }

                other.RemoveRoot();
            },
            iter: samples,
            threads: 1);

    private static async Task CheckAsync(StoreOperation[] operations, IStoreOperations tested, RawOperations other, int owner)
    {
        StoreModel model = new(owner);
        StringBuilder trace = new();
        foreach (StoreOperation operation in operations)
        {
            if (!model.Allows(operation) || (tested.OwnsTokens && model.MistakesWatch(operation)))
            {
                continue;
            }

            List<string> events = new();
            string answer = model.Apply(operation, events);
            string expected = Describe(answer, events);
            answer = await (operation.ByOther ? other : tested).RunAsync(operation);
            string actual = Describe(answer, await tested.EventsAsync(events.Count));
            trace.AppendLine($"{operation}: {actual}");
            Assert.True(expected == actual, $"expected {expected} at the end of:\n{trace}");
        }

        foreach (StoreOperation look in
            from path in Names
            from kind in new[] { StoreOperationKind.Read, StoreOperationKind.GetPermissions }
            select new StoreOperation(kind, path, "", 0, true))
        {
            string expected = model.Apply(look, []);
            string actual = await other.RunAsync(look);
            Assert.True(expected == actual, $"{look}: {actual} instead of {expected} after:\n{trace}");
        }
    }
}
