using System.Diagnostics;
using Xenlet.Fuzz.Planted;

namespace Xenlet.Fuzz;

/// <summary>The loop itself: it finds faults to which only coverage leads, and keeps a small and sufficient corpus.</summary>
public sealed class FuzzLoopTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string _directory = Directory.CreateTempSubdirectory("xenlet-fuzz").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_fault_that_chance_alone_would_not_find_is_found_by_what_it_covers_on_the_way()
    {
        using CoverageMap map = new();
        FuzzTarget target = new("maze", Maze.Run, 16);
        FuzzLoop loop = new(target, Instrument(target), map, new Random(1));
        Stopwatch time = Stopwatch.StartNew();

        Finding? finding = loop.Run([], () => time.Elapsed > Patience);

        Assert.True(finding is not null, $"{loop.Executions} executions have seen {map.Edges} edges");
        Assert.IsType<FormatException>(finding.Error);
        Assert.Equal("planted"u8.ToArray(), finding.Input);
    }

    [Fact]
    public void What_is_kept_of_a_corpus_reaches_what_the_whole_of_it_reaches()
    {
        using CoverageMap map = new();
        FuzzTarget target = FuzzTargets.Find("command-line")!;
        FuzzLoop loop = new(target, Instrument(target), map, new Random(2));
        Assert.Null(loop.Run([], () => loop.Executions > 3000));
        int edges = map.Edges;

        IReadOnlyList<byte[]> kept = loop.Minimise();

        Assert.Equal(edges, map.Edges);
        Assert.InRange(kept.Count, 1, loop.Corpus.Count - 1);
    }

    [Fact]
    public void A_corpus_is_read_as_it_was_written_and_keeps_what_is_named()
    {
        string file = Corpus.FileOf(_directory, "some");
        File.WriteAllLines(file, ["# found once", "beef", "00"]);

        Corpus.Write(file, [[3], [1, 2], [0xbe, 0xef]]);

        Assert.Equal(["# found once", "beef", "0102", "03"], File.ReadAllLines(file));
        Assert.Equal([[0xbe, 0xef], [1, 2], [3]], Corpus.Read(file));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Work_in_another_order_is_new_unless_the_order_is_the_thread_pools(bool usesThreadPool, bool isNew)
    {
        using CoverageMap map = new();
        FuzzTarget target = new("two-orders", TwoOrders.Run, 1) { UsesThreadPool = usesThreadPool };
        Action<byte[]> routine = Instrument(target);
        map.Begin();
        routine([0]);
        Assert.True(map.TakeNews());

        map.Begin();
        routine([1]);

        Assert.Equal(isNew, map.TakeNews());
    }

    private Action<byte[]> Instrument(FuzzTarget target) =>
        new InstrumentedCode(_directory, target.UsesThreadPool).FindRoutine(target);
}
