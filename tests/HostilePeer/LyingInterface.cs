using Xenlet.Drivers;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.HostilePeer;

/// <summary>A back end of an interface whose cable ends here.</summary>
internal sealed class LyingInterface(XenStoreClient store, uint domain, string number) : LyingBackEnd(store, domain, "vif", number)
{
    private const int FrameLength = 60;

    /// <summary>How long one that flaps waits for the front end, which takes no part in most of it.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);
    private readonly string _number = number;
    private PeerRing<TransmitRequest, TransmitResponse>? _sends;
    private PeerRing<ReceiveRequest, ReceiveResponse>? _receives;
    private int _honestAnswers;

    /// <summary>The behaviours. The time is the duration of each, except for those that count.</summary>
    public static IReadOnlyDictionary<string, Func<LyingInterface, TimeSpan, Task>> Behaviours { get; } =
        new Dictionary<string, Func<LyingInterface, TimeSpan, Task>>
        {
            ["honest"] = (network, time) => network.ServeAsync(time, network.Deliver, pause: 10),
            ["busy"] = (_, time) => SpinAsync(time),
            ["flap"] = (network, _) => network.FlapAsync(60, keeps: false),
            ["flap-and-keep"] = (network, _) => network.FlapAsync(60, keeps: true),
            ["wrong-id"] = (network, time) => network.ServeAsync(
                time, network.Deliver, id => (ushort)(++network._honestAnswers > 20 ? id ^ 0x80 : id), pause: 10),
            ["flood"] = (network, time) => network.ServeAsync(time, network.Flood),
            ["garbage"] = (network, time) => network.ServeAsync(time, network.DeliverGarbage, pause: 1),
            ["ahead"] = (network, time) => network.ServeAsync(time, network.RunAhead),
            ["living-index"] = (network, time) => network.ServeAsync(time, network.LiveIndex),
            ["storm"] = StormAsync,
            ["storm-and-serve"] = (network, time) => network.ServeAsync(time, network.Storm),
            ["scribble"] = (network, time) => network.ServeAsync(time, network.Scribble),
            ["states"] = StatesAsync,
            ["state-storm"] = (network, time) => network.StormOfStatesAsync(time),
        };

    public Task PlugAsync() => PlugAsync(
        [("handle", _number), ("mac", "00:16:3e:00:00:99")],
        [("handle", _number), ("feature-rx-copy", "1"), ("feature-sg", "1"), ("hotplug-status", "connected")]);

    public override async Task TakeConnectionAsync()
    {
        _sends = new(await MapRingAsync("tx-ring-ref"));
        _receives = new(await MapRingAsync("rx-ring-ref"));
        await BindAsync();
    }

    public override void Unmap()
    {
        _sends?.Dispose();
        _receives?.Dispose();
        _sends = null;
        _receives = null;
        base.Unmap();
    }

    private static async Task StatesAsync(LyingInterface network, TimeSpan time)
    {
        for (int i = 0; i < time.TotalMilliseconds / 20; i++)
        {
            await network.SetStateAsync((XenBusState)network.Random.Next(0, 9));
            await Task.Delay(20);
        }
    }

    private static Task StormAsync(LyingInterface network, TimeSpan time)
    {
        Repeat(time, network.Storm);
        return Task.CompletedTask;
    }

    /// <summary>Connects and disconnects a number of times, and counts how often the front end took part.</summary>
    private async Task FlapAsync(int cycles, bool keeps)
    {
        int connections = 0;
        for (int cycle = 0; cycle < cycles; cycle++)
        {
            if (await FrontBecomesAsync(Moment, XenBusState.Connected))
            {
                try
                {
                    if (cycle > 0)
                    {
                        await TakeConnectionAsync();
                    }

                    while (_receives!.TryTake(out ReceiveRequest request))
                    {
                        Page(request.Reference);
                    }

                    await SetStateAsync(XenBusState.Connected);
                    connections++;
                }
                catch (Exception error) when (error is InvalidOperationException
                    or System.ComponentModel.Win32Exception
                    or XenStoreException)
                {
                    // What the nodes name is that of a connection which the front end has ended meanwhile.
                }
            }

            await SetStateAsync(XenBusState.Closed);
            await FrontBecomesAsync(Moment, XenBusState.Closed);
            if (keeps)
            {
                Forget();
            }
            else
            {
                Unmap();
            }

            await SetStateAsync(XenBusState.InitWait);
        }

        Console.WriteLine($"connected {connections} of {cycles} times");
    }

    /// <summary>Leaves the pages of a connection mapped until the process ends.</summary>
    private void Forget()
    {
        Events?.Dispose();
        Events = null;
        _sends = null;
        _receives = null;
    }

    private Task ServeAsync(TimeSpan time, Action then, Func<ushort, ushort>? lie = null, int pause = 0)
    {
        Repeat(time, () =>
        {
            while (_sends!.TryTake(out TransmitRequest request))
            {
                _sends.Answer(new TransmitResponse { Id = lie is null ? request.Id : lie(request.Id), Status = NetProtocol.ResponseOkay });
            }

            if (_sends.Publish())
            {
                Events!.Notify();
            }

            then();
            if (pause > 0 && !_sends.FinalCheck())
            {
                Events!.Wait(pause);
            }
        });
        return Task.CompletedTask;
    }

    /// <summary>One correct frame.</summary>
    private void Deliver()
    {
        if (_receives!.TryTake(out ReceiveRequest request) && Page(request.Reference) is { } page)
        {
            page.Bytes[..FrameLength].Fill(0xFF);
            _receives.Answer(new ReceiveResponse { Id = request.Id, Status = FrameLength });
        }

        ShowReceived();
    }

    /// <summary>As many as there are pages for, each published on its own.</summary>
    private void Flood()
    {
        for (int i = 0; i < 256 && _receives!.TryTake(out ReceiveRequest request); i++)
        {
            _receives.Answer(new ReceiveResponse { Id = request.Id, Status = FrameLength });
            ShowReceived();
        }
    }

    private void DeliverGarbage()
    {
        while (_receives!.TryTake(out ReceiveRequest request))
        {
            _receives.Answer(new ReceiveResponse
            {
                Id = request.Id,
                Offset = (ushort)Random.Next(0, ushort.MaxValue),
                Flags = (ushort)Random.Next(0, 32),
                Status = (short)Random.Next(short.MinValue, short.MaxValue),
            });
        }

        ShowReceived();
    }

    private void ShowReceived()
    {
        if (_receives!.Publish())
        {
            Events!.Notify();
        }
    }

    private void RunAhead()
    {
        _receives!.ResponseProducer = _receives.Put + 1000;
        _sends!.ResponseProducer = _sends.Put + 1000;
        Events!.Notify();
    }

    private void LiveIndex()
    {
        Events!.Notify();
        for (int i = 0; i < 1000; i++)
        {
            _receives!.ResponseProducer = _receives.Put + (uint)Random.Next(-2, 3);
        }

        _receives!.ResponseProducer = _receives.Put;
    }

    private void Storm()
    {
        for (int i = 0; i < 100; i++)
        {
            Events!.Notify();
        }
    }

    private void Scribble()
    {
        Random.NextBytes(_receives!.Bytes);
        Random.NextBytes(_sends!.Bytes);
        ScribbleOverPages();
        Events!.Notify();
    }
}
