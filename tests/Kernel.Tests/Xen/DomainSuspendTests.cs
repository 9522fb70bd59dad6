using System.Text;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>Suspend, resume and cancelled suspend, as the nucleus's calls show them to a program.</summary>
public sealed unsafe class DomainSuspendTests : NucleusTest, IDisposable
{
    private const ulong Second = 1_000_000_000;
    private const ulong FirstHandle = 1UL << 32;

    private readonly SimulatedDomain _xen;

    public DomainSuspendTests()
    {
        _xen = new SimulatedDomain();
        XenPlatform.Initialise();
        EventChannels.Initialise(_xen.Shared);
        PvClock.Initialise(_xen.Shared);
        PvConsole.Find();
        XenInterrupts.Connect();
        Nucleus.Platform.Timer.Initialise();
        _xen.Calls.Clear();
    }

    public void Dispose() => _xen.Dispose();

    [Fact]
    public void A_resume_takes_up_in_the_order_of_a_boot_what_a_new_domain_does_not_have()
    {
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);

        Assert.Equal(1, Call(NucleusCall.Suspend));

        Assert.Equal(
            [
                "suspend", "map the shared page", "get parameter 17", "get parameter 18", "set the callback vector",
                "stop the periodic timer", "bind the timer",
            ],
            _xen.Calls);
        Assert.Equal(Vector.EventChannelUpcall | (2ul << 56), _xen.Callback);
        Assert.Equal(_xen.TimerPort, XenTimer.Port);
        for (uint port = 0; port < EventChannels.EVTCHN_2L_NR_CHANNELS; port++)
        {
            Assert.Equal(port != _xen.TimerPort && port != _xen.ConsolePort, EventChannels.IsMasked(port));
        }

        Assert.Equal(43, HypervisorCpuid.DomainId);
    }

    [Fact]
    public void A_cancelled_suspend_leaves_everything_as_it_was()
    {
        ulong page = (ulong)Call(NucleusCall.AllocatePage);
        ulong grant = (ulong)Call(NucleusCall.GrantPage, 7, page, 0);
        ulong port = (ulong)Call(NucleusCall.AllocateUnboundPort, 0);
        Call(NucleusCall.UnmaskPort, port);
        _xen.OnSuspend = () =>
        {
            _xen.Signal((uint)port);
            return 1;
        };
        _xen.Calls.Clear();

        Assert.Equal(0, Call(NucleusCall.Suspend));

        Assert.Equal(["suspend"], _xen.Calls);
        Assert.Equal((long)port, Call(NucleusCall.WaitForEvent));
        Assert.Equal(0, Call(NucleusCall.NotifyPort, port));
        Assert.Equal(-Errno.EBUSY, Call(NucleusCall.ReleasePage, page));
        Assert.Equal(0, Call(NucleusCall.EndGrant, grant));
        Write("still here\n");
        Assert.Equal("still here\r\n", _xen.TakeOutput());
    }

    [Fact]
    public void A_suspend_that_Xen_refuses_changes_nothing_and_is_an_error()
    {
        ulong port = (ulong)Call(NucleusCall.AllocateUnboundPort, 0);
        _xen.OnSuspend = static () => -Errno.EPERM;
        _xen.Calls.Clear();

        Assert.Equal(-Errno.EPERM, Call(NucleusCall.Suspend));

        Assert.Equal(["suspend"], _xen.Calls);
        Assert.Equal(0, Call(NucleusCall.NotifyPort, port));
    }

    [Fact]
    public void A_shared_page_that_is_not_found_again_is_a_panic_that_leaves_the_console_alone()
    {
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);
        _xen.MapAnswer = -Errno.EINVAL;

        string message = Assert.Throws<PanicException>(() => Call(NucleusCall.Suspend)).Message;

        Assert.Contains("XENMEM_add_to_physmap(shared_info) after a resume failed: EINVAL", message, StringComparison.Ordinal);
        ConsoleDevice.WriteByPolling((byte)'!');
        ConsoleDevice.WaitUntilDrained();
        Assert.Equal("", _xen.TakeOutput());
    }

    [Theory]
    [InlineData(7 * 86_400 * Second)]
    [InlineData(1ul)]
    public void Time_goes_on_where_it_stood_and_the_date_is_the_new_hosts(ulong uptime)
    {
        _xen.SetClock(86_400 * Second, 0);
        Now = 5 * Second;
        ulong before = Nucleus.Platform.Clock.Now();
        Resumes(consoleFrame: 0xfeffd, consolePort: 2, () => _xen.Host = (uptime, 5 * Second, 1_800_000_000));

        Call(NucleusCall.Suspend);

        Assert.Equal(before, Nucleus.Platform.Clock.Now());
        Assert.Equal((1_800_000_000 * Second) + uptime, Nucleus.Platform.Clock.RealTime());
        Now += 3;
        Assert.Equal(before + 3, Nucleus.Platform.Clock.Now());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_timer_is_armed_anew_for_whoever_waits(bool isResumed)
    {
        Spawn();
        ulong time = Store(BitConverter.GetBytes(10L).Concat(BitConverter.GetBytes(0L)).ToArray());
        Thread* sleeper = Park(SystemCallNumber.Nanosleep, time, 0);
        if (isResumed)
        {
            Resumes(consoleFrame: 0xfeffd, consolePort: 2, () => _xen.Host = (4_000 * Second, 0, 1));
        }
        else
        {
            _xen.OnSuspend = () =>
            {
                _xen.Timer = null;
                return 1;
            };
        }

        Call(NucleusCall.Suspend);

        Assert.Equal(isResumed ? 4_010 * Second : (10 * Second) + 1, _xen.Timer);
        Now = 10 * Second;
        _xen.Signal(_xen.TimerPort);
        Assert.True(Trap(Vector.EventChannelUpcall) == sleeper);
    }

    [Fact]
    public void A_port_of_before_is_dead_and_does_nothing_to_the_one_that_has_its_number()
    {
        ulong old = (ulong)Call(NucleusCall.AllocateUnboundPort, 0);
        ulong adopted = (ulong)Call(NucleusCall.AdoptPort, SimulatedDomain.StorePort);
        Call(NucleusCall.UnmaskPort, old);
        _xen.Signal((uint)old);
        Trap(Vector.EventChannelUpcall);
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);
        Call(NucleusCall.Suspend);

        // The earlier event was not taken, and does not belong to the new port.
        Assert.Equal(FirstHandle | old, (ulong)Call(NucleusCall.AllocateUnboundPort, 0));
        Assert.Equal(FirstHandle | adopted, (ulong)Call(NucleusCall.AdoptPort, SimulatedDomain.StorePort));
        _xen.Calls.Clear();
        foreach (ulong port in (ulong[])[old, adopted])
        {
            Assert.Equal(-Errno.ESTALE, Call(NucleusCall.UnmaskPort, port));
            Assert.Equal(-Errno.ESTALE, Call(NucleusCall.NotifyPort, port));
            Assert.Equal(-Errno.ESTALE, Call(NucleusCall.ClosePort, port));
            Assert.Equal(-Errno.EBADF, Call(NucleusCall.NotifyPort, (2 * FirstHandle) | port));
        }

        Assert.Empty(_xen.Calls);
        Assert.True(EventChannels.IsMasked((uint)old));
        Spawn();
        Thread* waiter = Park(NucleusCall.WaitForEvent);
        Call(NucleusCall.UnmaskPort, FirstHandle | old);
        _xen.Signal((uint)old);
        Trap(Vector.EventChannelUpcall);
        Assert.Equal(FirstHandle | old, waiter->Frame.Rax);
    }

    [Fact]
    public void A_thread_that_waits_for_events_waits_on_and_hears_of_a_new_port()
    {
        ulong old = (ulong)Call(NucleusCall.AllocateUnboundPort, 0);
        Call(NucleusCall.UnmaskPort, old);
        Spawn();
        Thread* waiter = Park(NucleusCall.WaitForEvent);
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);
        Call(NucleusCall.Suspend);

        // A port that was not unmasked yet gives no event, even if another domain signals it.
        _xen.Signal((uint)old);
        Assert.False(_xen.UpcallIsRaised);
        ulong port = (ulong)Call(NucleusCall.AllocateUnboundPort, 0);
        Thread* caller = Current;
        Assert.True(Enter(NucleusCall.UnmaskPort, port) == &waiter->Frame);

        Assert.Equal(port, waiter->Frame.Rax);
        Assert.Equal(0ul, caller->Frame.Rax);
    }

    [Fact]
    public void Grants_of_before_have_ended_their_pages_are_free_and_the_table_grows_from_its_first_frame()
    {
        ulong first = (ulong)Call(NucleusCall.AllocatePage);
        ulong second = (ulong)Call(NucleusCall.AllocatePage);
        ulong old = (ulong)Call(NucleusCall.GrantPage, 7, first, 0);
        for (int i = 0; i < 600; i++)
        {
            Assert.True(Call(NucleusCall.GrantPage, 7, i < 100 ? first : (ulong)Call(NucleusCall.AllocatePage), 1) > 0);
        }

        Assert.Equal(-Errno.EBUSY, Call(NucleusCall.ReleasePage, first));
        *(ulong*)first = 0x1234;
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);
        _xen.Calls.Clear();
        Call(NucleusCall.Suspend);
        Assert.Equal(0u, GrantTable.InUse);
        Assert.DoesNotContain("map a frame of the grant table", _xen.Calls);

        ulong grant = (ulong)Call(NucleusCall.GrantPage, 9, second, 0);

        Assert.Equal(FirstHandle | old, grant);
        Assert.Equal(
            ["ask for the grant table's version", "ask for the grant table's size", "map a frame of the grant table"], _xen.Calls[^3..]);
        Assert.Equal(-Errno.ESTALE, Call(NucleusCall.EndGrant, old));
        Assert.Equal(-Errno.EINVAL, Call(NucleusCall.EndGrant, (2 * FirstHandle) | old));
        Assert.Equal(-Errno.EBUSY, Call(NucleusCall.ReleasePage, second));
        Assert.Equal(0x1234ul, *(ulong*)first);
        Assert.Equal(0, Call(NucleusCall.ReleasePage, first));
        Assert.Equal(0, Call(NucleusCall.EndGrant, grant));
        Assert.Equal(0, Call(NucleusCall.ReleasePage, second));
        AssertFramesAccountedFor(out _);
    }

    [Fact]
    public void A_console_elsewhere_is_found_and_neither_input_nor_output_is_lost()
    {
        Write("before\n");
        _xen.Type("typed ");
        string output = "";
        _xen.OnPoll = () => output += _xen.TakeOutput();
        Resumes(consoleFrame: 0xfefff, consolePort: 9);

        Call(NucleusCall.Suspend);

        // The terminal echoes what was typed.
        Assert.Equal("before\r\ntyped ", output);
        Write("after\n");
        Assert.Equal("after\r\n", _xen.TakeOutput());
        Assert.Equal(9u, _xen.Sent[^1]);
        _xen.Type("line\n");
        Trap(Vector.EventChannelUpcall);
        Assert.Equal("line\r\n", _xen.TakeOutput());
        ulong buffer = Allocate(1);
        Assert.Equal("typed line\n", Encoding.UTF8.GetString(Load(buffer, (int)Call(SystemCallNumber.Read, 0, buffer, 100))));
    }

    [Fact]
    public void Output_for_which_a_console_that_nobody_drains_has_no_room_comes_after_the_resume()
    {
        string text = new('x', 4000);
        ulong address = Store(Encoding.UTF8.GetBytes(text));
        Spawn();
        Thread* writer = Park(SystemCallNumber.Write, 1, address, 4000);
        _xen.OnPoll = () => Now += 10_000_000;
        Resumes(consoleFrame: 0xfefff, consolePort: 9, () => _xen.Host = (1, Now, 1));

        Thread* caller = Current;
        Enter(NucleusCall.Suspend);

        Assert.InRange(Now, 2 * Second, (2 * Second) + 20_000_000);
        Assert.Equal(4000 - (int)xencons_interface.OutputSize, _xen.TakeOutput().Length);
        Assert.Equal(ThreadState.Ready, writer->State);
        Assert.Equal(4000ul, writer->Frame.Rax);
        Assert.Equal(1ul, caller->Frame.Rax);
    }

    [Theory]
    [InlineData(0ul, 9u)]
    [InlineData(ulong.MaxValue, 9u)]
    [InlineData(0xfeffful, 0u)]
    [InlineData(0xfeffful, 4096u)]
    [InlineData(0xfeffful, uint.MaxValue)]
    public void A_domain_that_is_resumed_without_a_console_goes_on(ulong frame, uint port)
    {
        Resumes(consoleFrame: 0xfefff, consolePort: 9, () => (_xen.ConsoleFrame, _xen.ConsolePort) = (frame, port));

        Assert.Equal(1, Call(NucleusCall.Suspend));

        Assert.Contains("has no console", KernelLog.Text, StringComparison.Ordinal);
        Write("to nobody\n");
        Assert.Equal("", _xen.TakeOutput());
    }

    [Fact]
    public void A_new_console_with_impossible_indexes_is_not_used_and_the_domain_goes_on()
    {
        Resumes(consoleFrame: 0xfefff, consolePort: 9, () => (_xen.Console->in_prod, _xen.Console->out_cons) = (5_000, 77_777));

        Assert.Equal(1, Call(NucleusCall.Suspend));

        Write("to nobody\n");
        Assert.False(PvConsole.IsUsable);
        Assert.Contains("impossible indexes", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_console_that_was_given_up_is_used_again_when_the_new_domains_is_in_order()
    {
        _xen.Console->out_cons = 99_999;
        Write("to nobody\n");
        Assert.False(PvConsole.IsUsable);
        Resumes(consoleFrame: 0xfeffd, consolePort: 2);

        Call(NucleusCall.Suspend);

        Write("to somebody\n");
        Assert.Equal("to somebody\r\n", _xen.TakeOutput());
    }

    /// <summary>
    /// One saved image, restored twice: the same memory, and so the same key. Alike in everything they would give the same numbers, which
    /// is what makes the
    /// other cases a test.
    /// </summary>
    [Theory]
    [InlineData("nothing", true)]
    [InlineData("RDRAND", false)]
    [InlineData("the UUID", false)]
    [InlineData("the domain's id", false)]
    [InlineData("the date", false)]
    public void Domains_resumed_from_the_same_memory_differ_in_their_random_numbers_and_their_ids(string what, bool areAlike)
    {
        List<byte[]> numbers = [];
        List<byte[]> ids = [];
        for (ulong variant = 0; variant < 2; variant++)
        {
            // The same memory: a key that nothing has been mixed into.
            Field(typeof(RandomNumbers), "s_key").SetValue(null, Activator.CreateInstance(Field(typeof(RandomNumbers), "s_key").FieldType));
            GenerationId.Draw();
            byte[] before = ReadGenerationId();
            _xen.OnSuspend = () =>
            {
                _xen.Begin(domainId: what == "the domain's id" ? 43 + (uint)variant : 43, 0xfeffd, 2);
                _xen.Host = (1, 0, 1_700_000_000 + (what == "the date" ? (uint)variant : 0));
                _xen.Uuid = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, (byte)(what == "the UUID" ? variant : 0)]);
                RandomSource.Describe(hasRandom: true, hasSeed: false);
                Machine.RandomNumber = RandomSource.Sequence(what == "RDRAND" ? variant : 0);
                return 0;
            };
            Field(typeof(DomainGeneration), "s_current").SetValue(null, 0u);
            Image.Clock->Last = 0;
            Assert.Equal(1, Call(NucleusCall.Suspend));
            ids.Add(ReadGenerationId());
            Assert.NotEqual(before, ids[^1]);
            ulong buffer = Allocate(1);
            Assert.Equal(32, Call(SystemCallNumber.Getrandom, buffer, 32, 0));
            numbers.Add(Load(buffer, 32));
        }

        Assert.Equal((areAlike, areAlike), (numbers[0].SequenceEqual(numbers[1]), ids[0].SequenceEqual(ids[1])));
    }

    [Fact]
    public void A_cancelled_suspend_begins_nothing_new()
    {
        GenerationId.Draw();
        byte[] before = ReadGenerationId();

        Assert.Equal(0, Call(NucleusCall.Suspend));

        Assert.Equal(before, ReadGenerationId());
        Assert.NotEqual(new byte[16], before);
    }

    [Fact]
    public void A_processor_whose_generator_is_stuck_since_the_resume_is_found_out()
    {
        RandomSource.Describe(hasRandom: true, hasSeed: false);
        Machine.RandomNumber = RandomSource.Sequence(1);
        RandomNumbers.Seed();
        Resumes(consoleFrame: 0xfeffd, consolePort: 2, () => Machine.RandomNumber = static () => ulong.MaxValue);

        Assert.Equal(1, Call(NucleusCall.Suspend));

        Assert.Contains("RDRAND gives the same numbers again", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_resume_begins_a_generation()
    {
        List<long> handles = [];
        for (int round = 1; round <= 3; round++)
        {
            Resumes(consoleFrame: 0xfeffd, consolePort: 2);
            Assert.Equal(round, Call(NucleusCall.Suspend));
            handles.Add(Call(NucleusCall.AllocateUnboundPort, 0));
            _xen.OnSuspend = static () => 1;
            Assert.Equal(0, Call(NucleusCall.Suspend));
            Assert.Equal(0, Call(NucleusCall.NotifyPort, (ulong)handles[^1]));
        }

        Assert.Equal([-Errno.ESTALE, -Errno.ESTALE, 0], handles.Select(handle => Call(NucleusCall.ClosePort, (ulong)handle)));
    }

    /// <summary>The next suspend ends in a new domain, after <paramref name="before"/> was done to it.</summary>
    private void Resumes(ulong consoleFrame, uint consolePort, Action? before = null) => _xen.OnSuspend = () =>
    {
        _xen.Begin(domainId: 43, consoleFrame, consolePort);
        before?.Invoke();
        return 0;
    };

    private static byte[] ReadGenerationId()
    {
        ulong buffer = Allocate(1);
        Assert.Equal(0, Call(NucleusCall.ReadGenerationId, buffer));
        return Load(buffer, 16);
    }

    private static void Write(string text)
    {
        ulong address = Store(Encoding.UTF8.GetBytes(text));
        Assert.Equal(text.Length, Call(SystemCallNumber.Write, 1, address, (ulong)text.Length));
    }
}
