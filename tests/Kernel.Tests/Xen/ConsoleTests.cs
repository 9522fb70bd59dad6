using System.Runtime.InteropServices;
using CsCheck;
using Thread = System.Threading.Thread;

namespace Xenlet.Kernel.Tests.Xen;

public sealed unsafe class ConsoleTests : XenTest, IDisposable
{
    private const uint Port = 5;

    /// <summary>The console's page between two others, which nothing may touch.</summary>
    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(3 * 4096, 4096);

    public ConsoleTests() => NativeMemory.Fill(_memory, 3 * 4096, 0x5a);

    private xencons_interface* Page => (xencons_interface*)(_memory + 4096);

    public void Dispose()
    {
        Machine.Reset();
        NativeMemory.AlignedFree(_memory);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1023)]
    [InlineData(0x7fffffff)]
    [InlineData(0xfffffff0)]
    [InlineData(0xffffffff)]
    public void Bytes_go_both_ways_whatever_the_indexes_start_at(uint start)
    {
        Attach(start);

        Assert.Equal(40, Write(Bytes(0, 40)));
        Assert.Equal(start + 40, Page->out_prod);
        Assert.Equal(Bytes(0, 40), BackEndTakes(100));

        Assert.Equal(40, BackEndGives(Bytes(7, 40)));
        Assert.Equal(Bytes(7, 40), Read(100));
        Assert.Equal(start + 40, Page->in_cons);
        Assert.Empty(Read(100));
    }

    [Fact]
    public void A_full_ring_takes_what_fits_and_then_nothing()
    {
        Attach(0xfffffff0);

        Assert.Equal(2048, Write(Bytes(0, 3000)));
        Assert.Equal(0, Write(Bytes(0, 1)));
        Assert.False(PvConsole.OutputDrained);
        Assert.Equal(Bytes(0, 2048), BackEndTakes(5000));
        Assert.True(PvConsole.OutputDrained);
        Assert.Equal(1024, BackEndGives(Bytes(3, 3000)));
        Assert.Equal(Bytes(3, 1024), Read(5000));
    }

    [Fact]
    public void Output_is_drained_when_the_last_byte_is_taken()
    {
        Attach(9);
        Assert.True(PvConsole.OutputDrained);
        Write(Bytes(0, 2));

        BackEndTakes(1);
        Assert.False(PvConsole.OutputDrained);
        BackEndTakes(1);
        Assert.True(PvConsole.OutputDrained);
    }

    [Fact]
    public void The_back_end_is_told_when_bytes_moved_and_only_then()
    {
        Attach(0);
        Machine.ArgumentLength = 4;

        Write([]);
        Read(10);
        Assert.Empty(Machine.Hypercalls);

        Write(Bytes(0, 1));
        BackEndGives(Bytes(0, 1));
        Read(1);
        Assert.Equal([(32u, 4ul), (32u, 4ul)], Machine.Hypercalls.Select(call => (call.Number, call.A1)));
        Assert.All(Machine.Hypercalls, call => Assert.Equal(BitConverter.GetBytes(Port), call.Argument));
    }

    [Fact]
    public void The_index_is_published_before_the_back_end_is_told()
    {
        Attach(0);
        uint published = 0;
        Machine.Hypervisor = _ =>
        {
            published = Page->out_prod;
            return 0;
        };

        Write(Bytes(0, 17));

        Assert.Equal(17u, published);
    }

    [Fact]
    public void A_refused_notification_is_logged_and_the_bytes_stay_written()
    {
        Attach(0);
        Machine.Hypervisor = static _ => -22;

        Assert.Equal(3, Write(Bytes(0, 3)));

        Assert.Equal("EVTCHNOP_send to the console failed: EINVAL (22), invalid argument\n", KernelLog.Text);
    }

    /// <summary>Our indexes start at 100 and 10 bytes of output are under way.</summary>
    [Theory]
    [InlineData("out", 111)]
    [InlineData("out", 110 - 2049)]
    [InlineData("out", 0x80000000)]
    [InlineData("in", 99)]
    [InlineData("in", 100 + 1025)]
    [InlineData("in", 0x80000000)]
    public void Impossible_indexes_are_reported_once_and_end_the_use_of_the_console(string ring, long index)
    {
        Attach(100);
        Write(Bytes(0, 10));
        if (ring == "out")
        {
            Page->out_cons = (uint)index;
        }
        else
        {
            Page->in_prod = (uint)index;
        }

        Read(10);
        Write(Bytes(0, 10));
        byte[] before = Memory();

        string indexes = ring == "out" ? $"out_cons {(uint)index}, out_prod 110" : $"in_cons 100, in_prod {(uint)index}";
        string line = $"the console is not used any more: its back end gave impossible indexes, {indexes}\n";
        Assert.False(PvConsole.IsUsable);
        Assert.Equal(line, KernelLog.Text);
        Page->out_cons = 110;
        Page->in_prod = 101;
        Machine.Hypercalls.Clear();
        Assert.Empty(Read(10));
        Assert.Equal(4000, Write(Bytes(0, 4000)));
        Assert.True(PvConsole.OutputDrained);
        Assert.Empty(Machine.Hypercalls);
        Assert.Equal(line, KernelLog.Text);
        Page->out_cons = ring == "out" ? (uint)index : 100;
        Page->in_prod = ring == "in" ? (uint)index : 100;
        Assert.Equal(before, Memory());
    }

    [Fact]
    public void Our_own_indexes_are_not_taken_from_the_page()
    {
        Attach(0);
        Write(Bytes(0, 10));
        Page->out_prod = 0x1234;
        Page->in_cons = 0x5678;

        Assert.Equal(5, Write(Bytes(10, 5)));
        BackEndGives(Bytes(0, 4), consumed: 0);
        Assert.Equal(Bytes(0, 4), Read(10));

        Assert.Equal(15u, Page->out_prod);
        Assert.Equal(4u, Page->in_cons);
        Assert.Equal(Bytes(0, 15), BackEndTakes(100));
    }

    [Fact]
    public void Whatever_the_back_end_writes_nothing_outside_the_page_is_touched() =>
        Gen.Select(Gen.UInt, Gen.Select(Gen.UInt, Gen.UInt, Gen.Int[-1, 5000]).Array[1, 20]).Sample((start, steps) =>
        {
            NativeMemory.Fill(_memory, 3 * 4096, 0x5a);
            Attach(start);
            foreach ((uint consumed, uint produced, int length) in steps)
            {
                Page->out_cons = consumed;
                Page->in_prod = produced;
                byte[] buffer = new byte[5001];
                fixed (byte* data = buffer)
                {
                    Assert.InRange(PvConsole.Write(data, length), 0, Math.Max(length, 0));
                    Assert.InRange(PvConsole.Read(data, length), 0, Math.Max(length, 0));
                }

                Assert.All(buffer.Skip(Math.Max(length, 0)), value => Assert.Equal(0, value));
            }

            byte[] memory = Memory();
            Assert.All(memory.Take(4096).Concat(memory.Skip(4096 + sizeof(xencons_interface))), value => Assert.Equal(0x5a, value));
        }, iter: 300, threads: 1);

    [Fact]
    public void Every_interleaving_delivers_all_bytes_in_order() =>
        Gen.Select(Gen.UInt, Gen.Select(Gen.Int[0, 3], Gen.Int[1, 3000]).Array[1, 60]).Sample((start, steps) =>
        {
            Attach(start);
            int written = 0;
            int taken = 0;
            int given = 0;
            int read = 0;
            foreach ((int step, int length) in steps)
            {
                switch (step)
                {
                    case 0:
                        int room = 2048 - (written - taken);
                        int fitted = Write(Bytes(written, length));
                        Assert.Equal(Math.Min(length, room), fitted);
                        written += fitted;
                        break;
                    case 1:
                        byte[] output = BackEndTakes(length);
                        Assert.Equal(Bytes(taken, Math.Min(length, written - taken)), output);
                        taken += output.Length;
                        break;
                    case 2:
                        given += BackEndGives(Bytes(given, length));
                        break;
                    default:
                        byte[] input = Read(length);
                        Assert.Equal(Bytes(read, Math.Min(length, given - read)), input);
                        read += input.Length;
                        break;
                }

                Assert.Equal(written == taken, PvConsole.OutputDrained);
            }

            Assert.True(PvConsole.IsUsable);
        }, iter: 500, threads: 1);

    [Fact]
    public void Bytes_arrive_in_order_when_both_ends_run_at_once()
    {
        const int total = 300_000;
        Attach(0xffffff00);
        int wrong = -1;
        Thread backEnd = new(() =>
        {
            int taken = 0;
            while (taken < total)
            {
                byte[] output = BackEndTakes(777);
                if (!output.AsSpan().SequenceEqual(Bytes(taken, output.Length)))
                {
                    Volatile.Write(ref wrong, taken);
                    return;
                }

                taken += output.Length;
                Thread.Yield();
            }
        });
        Machine.Hypervisor = static _ => 0;
        backEnd.Start();
        int written = 0;
        while (written < total && Volatile.Read(ref wrong) < 0)
        {
            written += Write(Bytes(written, Math.Min(1000, total - written)));
            Machine.Hypercalls.Clear();
            Thread.Yield();
        }

        Assert.True(backEnd.Join(TimeSpan.FromMinutes(3)), "the back end waits for bytes that were never announced");
        Assert.Equal(-1, wrong);
    }

    [Fact]
    public void The_parameters_say_where_the_console_is()
    {
        SetParameters(frame: 0xfefff, channel: 3);

        Assert.True(PvConsole.TryLocate(out ulong frame, out uint port));

        Assert.Equal((0xfeffful, 3u), (frame, port));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(ulong.MaxValue, 3)]
    [InlineData(0xfefff, 0)]
    [InlineData(0xfefff, 4096)]
    [InlineData(0xfefff, 0x1_0000_0003)]
    [InlineData(0xfefff, ulong.MaxValue)]
    public void A_domain_without_a_console_is_told_so(ulong page, ulong channel)
    {
        SetParameters(page, channel);

        Assert.False(PvConsole.TryLocate(out _, out _));
    }

    [Fact]
    public void A_hypervisor_that_knows_no_console_means_there_is_none()
    {
        Machine.Hypervisor = static _ => -22;

        Assert.False(PvConsole.TryLocate(out _, out _));
    }

    private void Attach(uint start)
    {
        Page->in_cons = start;
        Page->in_prod = start;
        Page->out_cons = start;
        Page->out_prod = start;
        PvConsole.Attach(Page, Port);
    }

    private static void SetParameters(ulong frame, ulong channel) => Machine.Hypervisor = call =>
    {
        HostHypercall.At<ulong>(call.A2 + 8) = HostHypercall.At<uint>(call.A2 + 4) switch { 17 => frame, 18 => channel, _ => 0 };
        return 0;
    };

    /// <summary>Bytes of an endless text without short repeats, from a position.</summary>
    private static byte[] Bytes(int position, int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)((position + i) % 251);
        }

        return bytes;
    }

    private static int Write(byte[] bytes)
    {
        fixed (byte* data = bytes)
        {
            return PvConsole.Write(data, bytes.Length);
        }
    }

    private static byte[] Read(int length)
    {
        byte[] bytes = new byte[length];
        fixed (byte* data = bytes)
        {
            return bytes[..PvConsole.Read(data, length)];
        }
    }

    private byte[] BackEndTakes(int length)
    {
        uint consumed = Page->out_cons;
        uint count = Math.Min(Volatile.Read(ref Page->out_prod) - consumed, (uint)length);
        byte[] bytes = new byte[count];
        for (uint i = 0; i < count; i++)
        {
            bytes[i] = Page->output[(consumed + i) % 2048];
        }

        Interlocked.MemoryBarrier();
        Volatile.Write(ref Page->out_cons, consumed + count);
        return bytes;
    }

    private int BackEndGives(byte[] bytes, uint? consumed = null)
    {
        uint produced = Page->in_prod;
        uint count = Math.Min(1024 - (produced - (consumed ?? Volatile.Read(ref Page->in_cons))), (uint)bytes.Length);
        for (uint i = 0; i < count; i++)
        {
            Page->input[(produced + i) % 1024] = bytes[i];
        }

        Volatile.Write(ref Page->in_prod, produced + count);
        return (int)count;
    }

    private byte[] Memory() => new ReadOnlySpan<byte>(_memory, 3 * 4096).ToArray();
}
