using CsCheck;
using Thread = System.Threading.Thread;

namespace Xenlet.Kernel.Tests.Xen;

public sealed unsafe class EventChannelTests : XenTest, IDisposable
{
    private readonly SimulatedXen _xen;

    public EventChannelTests() => _xen = new SimulatedXen();

    public void Dispose() => _xen.Dispose();

    [Fact]
    public void At_the_start_every_port_is_masked_and_what_is_pending_stays_pending()
    {
        _xen.Shared->evtchn_pending[3] = 1UL << 9;

        EventChannels.Initialise(_xen.Shared);

        for (uint port = 0; port < EventChannels.EVTCHN_2L_NR_CHANNELS; port++)
        {
            Assert.True(EventChannels.IsMasked(port));
        }

        Assert.True(EventChannels.IsPending((3 * 64) + 9));
        Assert.False(EventChannels.IsPending((3 * 64) + 8));
    }

    [Fact]
    public void Unmasking_a_port_without_an_event_needs_no_hypercall()
    {
        EventChannels.Initialise(_xen.Shared);

        EventChannels.Unmask(4095);

        Assert.Empty(Machine.Hypercalls);
        Assert.Equal(1UL << 63, ~_xen.Shared->evtchn_mask[63]);
        Assert.All(Enumerable.Range(0, 63), word => Assert.Equal(ulong.MaxValue, _xen.Shared->evtchn_mask[word]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(4095)]
    public void Unmasking_a_port_with_an_event_lets_Xen_raise_the_upcall_from_a_masked_port(uint port)
    {
        EventChannels.Initialise(_xen.Shared);
        _xen.Signal(port);
        Assert.False(_xen.UpcallIsRaised);
        bool? masked = null;
        _xen.BeforeUnmask = unmasked => masked = unmasked == port && EventChannels.IsMasked(port);

        EventChannels.Unmask(port);

        Assert.True(masked);
        Assert.True(_xen.UpcallIsRaised);
        Assert.False(EventChannels.IsMasked(port));
        Assert.Equal([port], Scan());
    }

    [Fact]
    public void A_refused_unmask_panics_with_the_errors_name()
    {
        EventChannels.Initialise(_xen.Shared);
        _xen.Signal(5);
        Machine.Hypervisor = static _ => -22;

        PanicException panic = Assert.Throws<PanicException>(() => EventChannels.Unmask(5));

        Assert.StartsWith("EVTCHNOP_unmask failed: EINVAL", panic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_masked_port_keeps_its_event_until_it_is_unmasked()
    {
        Start(7);
        EventChannels.Mask(7);

        _xen.Signal(7);

        Assert.False(_xen.UpcallIsRaised);
        Assert.Empty(Scan());
        EventChannels.Unmask(7);
        Assert.Equal([7u], Scan());
    }

    [Fact]
    public void A_cleared_event_is_not_reported()
    {
        Start(7, 8);
        _xen.Signal(7);
        _xen.Signal(8);

        Assert.True(EventChannels.Clear(7));
        Assert.False(EventChannels.Clear(7));

        Assert.Equal([8u], Scan());
    }

    [Fact]
    public void A_scan_reports_each_pending_port_once_and_ends_the_upcall()
    {
        uint[] ports = [0, 1, 63, 64, 65, 127, 128, 2047, 2048, 4032, 4094, 4095];
        Start(ports);
        foreach (uint port in ports)
        {
            _xen.Signal(port);
        }

        Assert.Equal(ports, Scan());
        Assert.False(_xen.UpcallIsRaised);
        Assert.Empty(Scan());
    }

    [Fact]
    public void Any_set_of_ports_is_reported_in_full_and_masked_ones_are_not() =>
        Gen.Select(Gen.UInt[0, 4095].HashSet[0, 200], Gen.UInt[0, 4095].HashSet[0, 200]).Sample((pending, unmasked) =>
        {
            using SimulatedXen xen = new();
            EventChannels.Initialise(xen.Shared);
            foreach (uint port in unmasked)
            {
                EventChannels.Unmask(port);
            }

            foreach (uint port in pending)
            {
                xen.Signal(port);
            }

            Assert.Equal(pending.Intersect(unmasked).Order(), Scan());
            Assert.All(pending.Except(unmasked), port => Assert.True(EventChannels.IsPending(port)));
        }, iter: 200, threads: 1);

    [Fact]
    public void The_pending_bit_is_clear_before_the_port_is_reported()
    {
        Start(70);
        _xen.Signal(70);
        EventScan scan = EventChannels.BeginScan();

        Assert.True(scan.TryTakePending(out uint port));

        Assert.Equal(70u, port);
        Assert.False(EventChannels.IsPending(70));
    }

    [Fact]
    public void An_event_that_comes_after_the_scan_began_raises_the_upcall_again()
    {
        Start(70, 71, 500);
        _xen.Signal(70);
        EventScan scan = EventChannels.BeginScan();
        Assert.False(_xen.UpcallIsRaised);

        _xen.Signal(500);

        Assert.True(_xen.UpcallIsRaised);
        Assert.True(scan.TryTakePending(out uint port));
        Assert.Equal(70u, port);
        Assert.False(scan.TryTakePending(out _));
        Assert.Equal([500u], Scan());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_port_that_a_handler_masks_or_clears_in_the_same_scan_is_not_reported(bool mask)
    {
        Start(70, 71);
        _xen.Signal(70);
        _xen.Signal(71);
        EventScan scan = EventChannels.BeginScan();
        Assert.True(scan.TryTakePending(out uint port));
        Assert.Equal(70u, port);

        if (mask)
        {
            EventChannels.Mask(71);
        }
        else
        {
            EventChannels.Clear(71);
        }

        Assert.False(scan.TryTakePending(out _));
        Assert.Equal(mask, EventChannels.IsPending(71));
    }

    [Fact]
    public void A_storm_on_every_port_ends_the_scan_after_one_pass()
    {
        Start([.. Enumerable.Range(0, 4096).Select(port => (uint)port)]);
        for (uint each = 0; each < EventChannels.EVTCHN_2L_NR_CHANNELS; each++)
        {
            _xen.Signal(each);
        }

        EventScan scan = EventChannels.BeginScan();
        uint next = 0;
        while (scan.TryTakePending(out uint port))
        {
            Assert.Equal(next++, port);
            _xen.Signal(port);
        }

        Assert.Equal(EventChannels.EVTCHN_2L_NR_CHANNELS, next);
        Assert.True(_xen.UpcallIsRaised);
    }

    [Fact]
    public void No_event_is_lost_while_domains_signal_and_the_guest_masks_and_unmasks()
    {
        const int signallers = 2;
        const int eventsEach = 5_000;
        uint[] ports = [0, 5, 63, 64, 640, 2000, 4095];
        Start(ports);
        int[] raised = new int[EventChannels.EVTCHN_2L_NR_CHANNELS];
        int[] taken = new int[EventChannels.EVTCHN_2L_NR_CHANNELS];
        DateTime limit = DateTime.UtcNow.AddSeconds(60);
        int running = signallers;
        Thread[] threads = [.. Enumerable.Range(0, signallers).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            for (int events = 0; events < eventsEach && DateTime.UtcNow < limit;)
            {
                uint port = ports[random.Next(ports.Length)];
                if (_xen.Signal(port))
                {
                    Interlocked.Increment(ref raised[port]);
                    events++;
                }
            }

            Interlocked.Decrement(ref running);
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        // The guest checks only when the upcall is raised, and unmasks only what it masked: nothing else could bring a lost event back.
        Random guest = new(99);
        Queue<uint> masked = new();
        bool signalling;
        do
        {
            signalling = Volatile.Read(ref running) > 0;
            while (_xen.UpcallIsRaised)
            {
                EventScan scan = EventChannels.BeginScan();
                while (scan.TryTakePending(out uint port))
                {
                    taken[port]++;
                    if (guest.Next(4) == 0)
                    {
                        EventChannels.Mask(port);
                        masked.Enqueue(port);
                    }
                }
            }

            if (masked.TryDequeue(out uint unmask))
            {
                EventChannels.Unmask(unmask);
            }
        }
        while (signalling || masked.Count > 0 || _xen.UpcallIsRaised);

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Equal(raised, taken);
        Assert.Equal(signallers * eventsEach, raised.Sum());
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(uint.MaxValue)]
    public void A_port_out_of_range_is_refused_by_number(uint port)
    {
        EventChannels.Initialise(_xen.Shared);

        Assert.Throws<PanicException>(() => EventChannels.Mask(port));
        Assert.Throws<PanicException>(() => EventChannels.Unmask(port));
        Assert.Throws<PanicException>(() => EventChannels.Clear(port));
        Assert.Throws<PanicException>(() => EventChannels.IsPending(port));
        Assert.Contains($"event channel port {port}", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Sending_names_the_port_to_Xen()
    {
        EventChannels.Initialise(_xen.Shared);

        Assert.Equal(0, EventChannels.Send(12));

        Assert.Equal([12u], _xen.Sent);
    }

    [Fact]
    public void Notifications_that_Xen_took_are_counted_and_so_are_upcalls()
    {
        Start(12);
        (ulong sent, ulong upcalls) = (EventChannels.Sent, EventChannels.Upcalls);

        EventChannels.Send(12);
        EventChannels.Send(12);
        Assert.Equal((2ul, 0ul), (EventChannels.Sent - sent, EventChannels.Upcalls - upcalls));

        _xen.Signal(12);
        Scan();
        Machine.Hypervisor = static _ => -Errno.EINVAL;
        Assert.Equal(-Errno.EINVAL, EventChannels.Send(12));
        Assert.Equal((2ul, 1ul), (EventChannels.Sent - sent, EventChannels.Upcalls - upcalls));
    }

    private void Start(params uint[] ports)
    {
        EventChannels.Initialise(_xen.Shared);
        foreach (uint port in ports)
        {
            EventChannels.Unmask(port);
        }
    }

    private static List<uint> Scan()
    {
        List<uint> ports = [];
        EventScan scan = EventChannels.BeginScan();
        while (scan.TryTakePending(out uint port))
        {
            ports.Add(port);
        }

        return ports;
    }
}
