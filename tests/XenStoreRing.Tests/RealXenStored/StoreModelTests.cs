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
            (3, Gen.Const(StoreOperationKind.Begin)),
            (3, Gen.Const(StoreOperationKind.Commit)),
            (1, Gen.Const(StoreOperationKind.Abort)),
            (3, Gen.Const(StoreOperationKind.Watch)),
            (1, Gen.Const(StoreOperationKind.Unwatch)))
        from path in Gen.Int[0, Names.Length - 1].Select(index => Names[index])
        from value in Gen.Int[1, 3].Select(number => $"{number}")
        from transaction in Gen.Int[0, Transactions]
        from byOther in Gen.Bool
        select Sensible(new(kind, path, value, transaction, byOther));

    private int _samples;
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Fact]
    public async Task The_daemon_agrees_over_its_socket() =>
        await CheckAsync("/", root => Task.FromResult<IStoreDoor>(new RawDoor(_daemon.ConnectRaw(), root)), 300);

    [Theory]
    [InlineData(Door.Socket, "/")]
    [InlineData(Door.Ring, "data/")]
    [InlineData(Door.Ring, "/local/domain/1/data/")]
    public async Task The_client_agrees_by_either_door(Door door, string parent)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(door);
        await CheckAsync(parent, root => Task.FromResult<IStoreDoor>(new LibraryDoor(client, root)), 100);
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

    private async Task CheckAsync(string parent, Func<string, Task<IStoreDoor>> open, int samples) =>
        await Operations.Array[1, 60].SampleAsync(
            async operations =>
            {
                string root = $"{parent}model{++_samples}";
                await using var other = new RawDoor(_daemon.ConnectRaw(), root[0] == '/' ? root : "/local/domain/1/" + root);
                other.MakeRoot();
                await using (IStoreDoor tested = await open(root))
                {
                    await CheckAsync(operations, tested, other);
                }

                other.RemoveRoot();
            },
            iter: samples,
            threads: 1);

    private static async Task CheckAsync(StoreOperation[] operations, IStoreDoor tested, RawDoor other)
    {
        var model = new StoreModel();
        var trace = new StringBuilder();
        foreach (StoreOperation operation in operations)
        {
            if (!model.Allows(operation) || (tested.OwnsTokens && model.MistakesWatch(operation)))
            {
                continue;
            }

            var events = new List<string>();
            string answer = model.Apply(operation, events);
            string expected = Describe(answer, events);
            answer = await (operation.ByOther ? other : tested).AskAsync(operation);
            string actual = Describe(answer, await tested.EventsAsync(events.Count));
            trace.AppendLine($"{operation}: {actual}");
            Assert.True(expected == actual, $"expected {expected} at the end of:\n{trace}");
        }

        foreach (string path in Names)
        {
            StoreOperation read = new(StoreOperationKind.Read, path, "", 0, true);
            Assert.Equal(model.Apply(read, []), await other.AskAsync(read));
        }
    }
}
