using System.Runtime.InteropServices;
using Xenlet.Kernel.Tests.SharedMemory.Planted;
using Xenlet.Kernel.Tests.Xen;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.Kernel.Tests.SharedMemory;

/// <summary>The console's page changes under the nucleus: between any two reads of it, and on another processor.</summary>
public sealed unsafe class ChangingConsoleTests
{
    private const int Seeds = 300;
    private const int PageSize = 4096;
    private const byte Guard = 0x5A;
    private const uint Port = 5;

    private delegate int Reader(byte* data, int length);

    [Fact]
    public void Whatever_each_read_of_the_page_gives_no_more_than_the_ring_is_read_and_written() =>
        Assert.InRange((int)RewrittenCode.Run(Play, false, Seeds, false)!, Seeds / 10, Seeds * 9 / 10);

    [Fact]
    public void An_index_that_is_fetched_twice_is_caught() =>
        Assert.Throws<InvalidOperationException>(() => RewrittenCode.Run(Play, true, Seeds, false));

    [Fact]
    public void Whatever_another_processor_scribbles_no_more_than_the_ring_is_read_and_written() => Play(false, Seeds / 6, true);

    /// <summary>Plays a console for each seed, and returns how many of them are no longer used.</summary>
    private static int Play(bool isPlanted, int seeds, bool isOnThread)
    {
        int broken = 0;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(3 * PageSize, PageSize);
        try
        {
            for (int seed = 0; seed < seeds; seed++)
            {
                using Guest guest = new();
                NativeMemory.Fill(memory, 3 * PageSize, Guard);
                broken += IsBroken(seed, (xencons_interface*)(memory + PageSize), isPlanted, isOnThread) ? 1 : 0;
                ReadOnlySpan<byte> around = new(memory, 3 * PageSize);
                int left = Math.Max(around[..PageSize].IndexOfAnyExcept(Guard), around[^PageSize..].IndexOfAnyExcept(Guard));
                Assert.True(left < 0, $"with seed {seed} the pages beside the console's were written");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }

        return broken;
    }

    private static bool IsBroken(int seed, xencons_interface* page, bool isPlanted, bool isOnThread)
    {
        Random random = new(seed);
        page->in_cons = page->in_prod = (uint)random.Next();
        page->out_cons = page->out_prod = (uint)random.Next();
        PvConsole.Attach(page, Port);
        TwiceFetchedConsole planted = new((nint)page);
        Reader reader = isPlanted ? planted.Read : PvConsole.Read;
        ChangingMemory changing = new(seed, (nint)page, [(nint)(&page->in_prod), (nint)(&page->in_prod), (nint)(&page->out_cons)]);
        IDisposable? thread = isOnThread ? changing.OnThread() : null;
        PeerTurn.Act = isOnThread ? null : changing.Turn;
        try
        {
            for (int i = 0; i < 30; i++)
            {
                PlayOnce(random, reader);
            }
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"with seed {seed}: {error.Message}", error);
        }
        finally
        {
            PeerTurn.Act = null;
            thread?.Dispose();
        }

        return !PvConsole.IsUsable;
    }

    private static void PlayOnce(Random random, Reader reader)
    {
        const int Longest = 2500;
        const int Room = 2 * Longest;
        byte* buffer = stackalloc byte[Room];
        Span<byte> bytes = new(buffer, Room);
        bytes.Fill(Guard);
        int length = random.Next(1, Longest);
        _ = PvConsole.TakeProgress();
        _ = PvConsole.OutputDrained;
        if (random.Next(3) == 0)
        {
            Assert.InRange(PvConsole.Write(buffer, length), 0, length);
        }
        else
        {
            int count = reader(buffer, length);
            Assert.InRange(count, 0, Math.Min(length, (int)xencons_interface.InputSize));
            Assert.Equal(-1, bytes[length..].IndexOfAnyExcept(Guard));
        }
    }

    /// <summary>A processor below Xen, whose hypercalls succeed.</summary>
    private sealed class Guest : XenTest, IDisposable
    {
        public void Dispose() => Machine.Reset();
    }
}
