using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>The console's other end is another domain's: whatever it does, threads run and the guest ends.</summary>
public sealed unsafe class ConsolePeerTests : XenNucleusTest
{
    private const ulong Millisecond = 1_000_000;
    private const ulong Second = 1_000_000_000;

    /// <summary>The bytes that one read of the nucleus takes from the ring, and a 64-byte piece more.</summary>
    private const uint MostInputOfALook = xencons_interface.InputSize + 64;

    /// <summary>Bytes that the other end takes each time the guest waits for it, 10 milliseconds.</summary>
    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void The_end_of_a_guest_waits_two_seconds_in_all_for_its_console(uint taken)
    {
        FillOutput();
        Xen.OnPoll = () => Take(taken, after: 10 * Millisecond);
        ulong start = Clock.Now();

        for (int i = 0; i < 3_000; i++)
        {
            ConsoleDevice.WriteByPolling((byte)'r');
        }

        ConsoleDevice.DrainAtEnd();
        Assert.Throws<MachineHaltedException>(() => _ = Enter(SystemCallNumber.ExitGroup, 7));

        Assert.Equal(XenShutdown.PowerOff, Xen.End);
        Assert.InRange(Clock.Now() - start, 2 * Second, (2 * Second) + (250 * Millisecond)); // A quarter of a second is xenstore's.
    }

    [Fact]
    public void A_console_that_is_drained_gets_the_whole_of_a_long_report()
    {
        FillOutput();
        string output = "";
        Xen.OnPoll = () =>
        {
            Now += 10 * Millisecond;
            output += Xen.TakeOutput();
        };

        for (int i = 0; i < 10_000; i++)
        {
            ConsoleDevice.WriteByPolling((byte)'r');
        }

        ConsoleDevice.DrainAtEnd();
        Assert.Equal(10_000, output.Count(letter => letter == 'r'));
    }

    [Fact]
    public void Input_that_never_ends_is_taken_a_ring_at_a_time_and_threads_run_in_between()
    {
        TypeWithoutEnd();

        for (ulong look = 1; look <= 5; look++)
        {
            uint before = Xen.Console->in_cons;
            Assert.True(Trap(Vector.EventChannelUpcall) == Current, "the thread goes on");
            Assert.InRange(Xen.Console->in_cons - before, 1u, MostInputOfALook);
            Assert.True(EventChannels.IsMasked(Xen.ConsolePort), "the console may not interrupt before the pause is over");
            Assert.Equal(Clock.Now() + Millisecond, Xen.Timer);

            // The timer's interrupt ends the pause.
            Now += Millisecond;
            Xen.Signal(Xen.TimerPort);
        }
    }

    [Fact]
    public void When_the_flood_is_over_the_console_interrupts_again_and_what_is_typed_is_read()
    {
        TypeWithoutEnd();
        _ = Trap(Vector.EventChannelUpcall);
        Xen.OnSend = static _ => { };

        for (int i = 0; i < 3; i++)
        {
            Now += Millisecond;
            Xen.Signal(Xen.TimerPort);
            _ = Trap(Vector.EventChannelUpcall);
        }

        Assert.False(EventChannels.IsMasked(Xen.ConsolePort));
        ulong buffer = Allocate(2);
        Spawn();
        Xen.Type("\u0015\rshort\r");
        _ = Trap(Vector.EventChannelUpcall);
        string read = "";
        while (!read.EndsWith("short\n", StringComparison.Ordinal))
        {
            long count = Call(SystemCallNumber.Read, 0, buffer, 8192);
            Assert.InRange(count, 1, 8192);
            read += System.Text.Encoding.Latin1.GetString(Load(buffer, (int)count));
        }
    }

    [Fact]
    public void Events_that_bring_nothing_are_answered_ever_more_rarely()
    {
        List<ulong> pauses = [];
        for (int i = 0; i < 12 + (int)ConsoleService.FreeIdleEvents; i++)
        {
            Xen.Signal(Xen.ConsolePort);
            _ = Trap(Vector.EventChannelUpcall);
            pauses.Add(ConsoleService.NextRun == ulong.MaxValue ? 0 : ConsoleService.NextRun - Clock.Now());
            Assert.Equal(pauses[^1] != 0, EventChannels.IsMasked(Xen.ConsolePort));
            EndPause();
        }

        ulong[] growing = [.. Enumerable.Range(0, 12).Select(i => Millisecond << Math.Min(i, ConsoleService.MaximumDoublings))];
        Assert.Equal([.. new ulong[(int)ConsoleService.FreeIdleEvents], .. growing], pauses);

        // After one event with data, the pauses start again at the shortest.
        Xen.Type("x");
        _ = Trap(Vector.EventChannelUpcall);
        Assert.False(EventChannels.IsMasked(Xen.ConsolePort));
    }

    [Fact]
    public void A_storm_of_events_that_all_bring_something_leaves_the_processor_to_the_threads_for_most_of_the_time()
    {
        int answered = 0;
        for (int i = 0; i < 1000; i++)
        {
            // A byte and a signal each 10 microseconds: 10 milliseconds in all.
            Xen.Type("x");
            Now += 10_000;
            if (Xen.UpcallIsRaised)
            {
                answered++;
                _ = Trap(Vector.EventChannelUpcall);
            }
        }

        Assert.InRange(answered, 1, 11 * ((int)ConsoleService.EventsPerInterval + 1));
    }

    [Fact]
    public void Where_a_look_takes_long_threads_get_three_quarters_of_the_processor()
    {
        const ulong OfACall = 100_000;
        TypeWithoutEnd();
        Action<uint> type = Xen.OnSend!;
        Xen.OnSend = port =>
        {
            Now += OfACall;
            type(port);
        };

        ulong start = Clock.Now();
        ulong looking = 0;
        for (int i = 0; i < 100; i++)
        {
            ulong before = Clock.Now();
            _ = Trap(Vector.EventChannelUpcall);
            looking += Clock.Now() - before;
            Assert.NotEqual(ulong.MaxValue, ConsoleService.NextRun);
            Now += ConsoleService.NextRun - Clock.Now();
            Xen.Signal(Xen.TimerPort);
        }

        Assert.InRange(looking, 100 * OfACall, (Clock.Now() - start) / 4);
    }

    [Fact]
    public void The_echo_of_a_whole_ring_of_input_is_told_of_in_pieces_and_not_byte_for_byte()
    {
        int sent = 0;
        Xen.OnSend = port => sent += port == Xen.ConsolePort ? 1 : 0;
        Xen.Type(new string('x', (int)xencons_interface.InputSize));
        _ = Trap(Vector.EventChannelUpcall);

        Assert.Equal(new string('x', (int)xencons_interface.InputSize), Xen.TakeOutput());
        Assert.InRange(sent, 1, 2 * (int)xencons_interface.InputSize / 64);
    }

    [Fact]
    public void A_line_typed_during_a_pause_is_read_after_it()
    {
        ulong buffer = Allocate(1);
        for (int i = 0; i <= ConsoleService.FreeIdleEvents; i++)
        {
            Xen.Signal(Xen.ConsolePort);
            _ = Trap(Vector.EventChannelUpcall);
        }

        Spawn();
        Thread* reader = Park(SystemCallNumber.Read, 0, buffer, 100);
        Xen.Type("line\r");
        Assert.False(Xen.UpcallIsRaised);

        EndPause();

        Assert.Equal((ThreadState.Ready, 5ul), (reader->State, reader->Frame.Rax));
    }

    [Theory]
    [InlineData("\u001c", SignalNumber.SIGQUIT)]
    [InlineData("\u001a", SignalNumber.SIGTSTP)]
    public void A_key_that_would_dump_or_stop_a_process_does_nothing_unless_the_program_asks(string key, int signal)
    {
        // A guest that ends waits for its console, for a limited time.
        Xen.OnPoll = static () => Now += 10 * Millisecond;
        Current->Frame.Rsp = Allocate(4) + (3 * Pages.Size);
        Xen.Type(key);
        Assert.True(Trap(Vector.EventChannelUpcall) == Current);
        Assert.Equal(0x40_0000ul, Current->Frame.Rip);

        // Nothing is kept for later, either.
        SignalDelivery.Action(signal)->sa_handler = 0x41_0000;
        Assert.True(Trap(Vector.EventChannelUpcall) == Current);
        Assert.Equal(0x40_0000ul, Current->Frame.Rip);

        Xen.Type(key);
        Assert.True(Trap(Vector.EventChannelUpcall) == Current);
        Assert.Equal((0x41_0000ul, (ulong)signal), (Current->Frame.Rip, Current->Frame.Rdi));
    }

    /// <summary>.NET sends itself SIGQUIT, or SIGSTOP for SIGTSTP, when no handler of the program's takes the signal.</summary>
    [Theory]
    [InlineData(SignalNumber.SIGQUIT)]
    [InlineData(SignalNumber.SIGSTOP)]
    [InlineData(SignalNumber.SIGTSTP)]
    [InlineData(SignalNumber.SIGTTIN)]
    [InlineData(SignalNumber.SIGTTOU)]
    public void What_would_stop_or_dump_a_process_by_default_does_nothing_to_a_guest(int signal) =>
        Assert.Equal(0, Call(SystemCallNumber.Kill, 1, (ulong)signal));

    /// <summary>The other end puts 64 bytes into the ring each time the guest says that it has taken some.</summary>
    private void TypeWithoutEnd()
    {
        uint written = 0;
        Xen.OnSend = port =>
        {
            if (port == Xen.ConsolePort && Xen.Console->in_prod - Xen.Console->in_cons <= xencons_interface.InputSize - 64)
            {
                written += 64;
                Assert.True(written < 1 << 20, "a mebibyte is read, and the nucleus does not stop to let threads run");
                Xen.Console->in_prod += 64;
            }
        };
        Xen.Type(new string('x', 64));
    }

    private void EndPause()
    {
        if (ConsoleService.NextRun != ulong.MaxValue)
        {
            Now += ConsoleService.NextRun - Clock.Now();
            Xen.Signal(Xen.TimerPort);
            _ = Trap(Vector.EventChannelUpcall);
        }
    }

    private static void FillOutput()
    {
        ulong text = Store(new byte[4000]);
        Spawn();
        _ = Park(SystemCallNumber.Write, 1, text, 4000);
    }

    private void Take(uint count, ulong after)
    {
        Now += after;
        Assert.True(Now < 60 * Second, "the guest has waited for a minute, and does not end");
        Xen.Console->out_cons += Math.Min(count, Xen.Console->out_prod - Xen.Console->out_cons);
        Xen.Signal(Xen.ConsolePort);
    }
}
