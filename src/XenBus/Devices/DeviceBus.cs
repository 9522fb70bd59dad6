using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenBus.Enumeration;
using Xenlet.XenStoreRing;

// The behaviour of this bus follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
//
//
// Copyright (C) 2010 Spectra Logic Corporation
// Copyright (C) 2008 Doug Rabson
// Copyright (C) 2005 Rusty Russell, IBM Corporation
// Copyright (C) 2005 Mike Wray, Hewlett-Packard
// Copyright (C) 2005 XenSource Ltd
//
// This file may be distributed separately from the Linux kernel, or
// incorporated into other software packages, subject to the following license:
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this source file (the "Software"), to deal in the Software without
// restriction, including without limitation the rights to use, copy, modify,
// merge, publish, distribute, sublicense, and/or sell copies of the Software,
// and to permit persons to whom the Software is furnished to do so, subject to
// the following conditions:
//
// The above copyright notice and this permission notice shall be included in
// all copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
// FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
// IN THE SOFTWARE.

namespace Xenlet.XenBus;

/// <summary>
/// A bus whose devices are directories of the store: <c>NODE/TYPE/ID</c>. It finds the devices that are there and those that come and
/// go, gives each to the driver that fits best, and notifies the driver of changes at both ends.
/// </summary>
/// <remarks>
/// <code>
/// xenstore
///   device           FrontBus: one name is the id
///     vif/0          a XenDevice, with or without a driver
///     vbd/51712
///   backend          BackBus: the front end's domain and a name are the id
///     vbd/3/51712
/// </code>
/// There are two kinds of queue. The bus's queue decides what exists: it compares the store with the bus's list, adds and removes, and
/// never waits for a driver. Each device has a queue of its own, which makes all calls into its driver, in order. A watch's event only says
/// that something may have changed: a queue acts on what it reads at its turn, so events may be lost, doubled or merged without harm.
/// <para/>
/// One watch on <see cref="Node"/> serves the list and all local ends. Each other end has an exact watch on its state, since xenstored
/// announces the removal of a node above, and the end of the domain, to no other.
/// </remarks>
public abstract partial class DeviceBus : IAsyncDisposable, IBusWatcher
{
    private readonly WorkQueue<BusWork> _queue;
    private readonly BusLayout _layout;
    private readonly Lock _lock = new();
    private readonly List<XenBusEvents> _streams = [];
    private readonly DeviceList _devices = new();
    private readonly TaskCompletionSource _enumerated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BusEnumeration _enumeration;
    private readonly PendingExaminations _pending;
    private readonly SkippedNodes _skipped = new();
    private readonly RetryTimer _retryFailed;
    private readonly BusWatch _watch;
    private readonly CancellationTokenSource _end = new();
    private XenBusDriver[] _drivers = [];
    private bool _isStarted;
    private bool _isDisposed;

    private protected DeviceBus(XenStoreClient store, BusLayout layout, XenBusOptions? options)
    {
        ArgumentNullException.ThrowIfNull(store);
        Store = store;
        Loop = store.Loop;
        _layout = layout;
        Options = options ?? new();
        Options = Loop is null ? Options : Options with { TimeProvider = Loop.ClockFor(Options.TimeProvider) };
        _queue = new(Options.Stepped, Loop, error => Report(null, $"{Node}: {error}"));
        _pending = new(Node);
        _retryFailed = new(Options.TimeProvider, RetryFailed);
        _watch = new(store, Node, Options.TimeProvider, this);
        OtherEnds = new(store, layout);
        Errors = new(store, Node);
        FailureReports failures = new(Node, ReportAt);
        StaleDevices stale = new(store, layout, Options.TimeProvider, IsResettingStale, ReportAt, _end.Token);
        _enumeration = new(
            _devices, new(store, layout, failures), new(store, OtherEnds, stale, _skipped), _skipped, failures);
    }

    /// <summary>The bus's directory in the store, relative to our domain's.</summary>
    public string Node => _layout.Node;

    /// <summary>The store that the bus and its drivers use. It stays the caller's.</summary>
    public XenStoreClient Store { get; }

    /// <summary>The devices that the bus knows now, ordered by type and id.</summary>
    public IReadOnlyList<XenDevice> Devices => _devices.Sorted();

    /// <summary>The bus's clock, for drivers that measure pauses: that of its options.</summary>
    public TimeProvider TimeProvider => Options.TimeProvider;

    internal XenBusOptions Options { get; }

    /// <summary>The store's event loop, on which the bus works as well, or <see langword="null"/>.</summary>
    internal EventLoop? Loop { get; }

    internal BootHold Hold { get; } = new();

    /// <summary>Reads who the other ends of the bus's devices are.</summary>
    internal OtherEndReader OtherEnds { get; }

    /// <summary>Where the errors of the bus's devices are written.</summary>
    internal ErrorNodes Errors { get; }

    internal XenBusDriver[] Drivers
    {
        get
        {
            lock (_lock)
            {
                return _drivers;
            }
        }
    }

    /// <summary>
    /// Whether the bus resets a device that is in use at the first examination: an earlier program in this domain has left it so.
    /// </summary>
    private protected virtual bool ResetsStale => false;

    /// <summary>Whether boot waits for the bus's devices.</summary>
    private protected abstract bool HoldsBoot { get; }

    /// <summary>Adds a driver and offers it the devices that have none.</summary>
    public void AddDriver(XenBusDriver driver)
    {
        ArgumentNullException.ThrowIfNull(driver);
        lock (_lock)
        {
            _drivers = [.. _drivers, driver];
        }

        _queue.Post(new(BusWorkKind.OfferDevices), () =>
        {
            foreach (XenDevice device in Devices)
            {
                device.PostAttach();
            }

            return default;
        });
    }

    /// <summary>
    /// Starts the bus, and returns when it has found the devices that are there; drivers may still be attaching. The bus comes up whether
    /// or not its directory exists, and finds devices that come later. It repeats each request that xenstored does not answer, and boot is
    /// not over until then. In <see cref="XenBusOptions.Stepped"/> mode it returns before the first examination.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus was started before.</exception>
    public ValueTask StartAsync(CancellationToken cancellationToken = default) =>
        new(EventLoop.RunAsync(Loop, () => StartOnLoopAsync(cancellationToken)));

    /// <summary>
    /// Waits until every device present at boot is connected, closed, or given up (it left, has no driver, or its driver failed). Names
    /// those that are not after <paramref name="limit"/>, by default <see cref="XenBusOptions.BootTimeLimit"/>.
    /// </summary>
    public async Task<BootReport> WaitForBootAsync(TimeSpan? limit = null, CancellationToken cancellationToken = default)
    {
        try
        {
            await EventLoop.OnLoop(Hold.Released).WaitAsync(limit ?? Options.BootTimeLimit, Options.TimeProvider, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            // The end of a bus releases those who wait as well, though its devices are not there.
            return new(Hold.IsComplete, []);
        }
        catch (TimeoutException)
        {
            MissingDevice[] missing = await Task.WhenAll(Hold.Devices.Select(ReportMissingAsync)).ConfigureAwait(EventLoop.IsCurrent);
            return new(
                Hold.Released.IsCompleted,
                Hold.Released.IsCompleted ? [] : [.. missing.OrderBy(device => device.Device.Name, StringComparer.Ordinal)]);
        }
    }

    /// <summary>Gives what happens from now on.</summary>
    public XenBusEvents Subscribe()
    {
        XenBusEvents stream = new(gone =>
        {
            lock (_lock)
            {
                _streams.Remove(gone);
            }
        });
        lock (_lock)
        {
            if (_isDisposed)
            {
                stream.End();
            }
            else
            {
                _streams.Add(stream);
            }
        }

        return stream;
    }

    /// <summary>Runs the next piece of the bus's work, which calls no driver; <see langword="false"/> when there is none.</summary>
    /// <exception cref="InvalidOperationException">The bus is not <see cref="XenBusOptions.Stepped"/>.</exception>
    public ValueTask<bool> StepAsync() => _queue.StepAsync();

    /// <summary>Ends the bus and its watches. Devices keep their states, and drivers are not asked to detach.</summary>
    public async ValueTask DisposeAsync()
    {
        XenDevice[] devices;
        XenBusEvents[] streams;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            devices = _devices.All();
            streams = [.. _streams];
        }

        _end.Cancel();
        _queue.Close();
        _retryFailed.Dispose();
        _enumerated.TrySetCanceled();
        Hold.End();
        await _watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        await Task.WhenAll(devices.Select(device => device.StopAsync().AsTask())).ConfigureAwait(EventLoop.IsCurrent);
        foreach (XenBusEvents stream in streams)
        {
            stream.End();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Tells the tool stack that the bus notices devices that come and go.</summary>
    private protected virtual ValueTask AnnounceAsync(CancellationToken cancellationToken) => default;

    /// <summary>What the bus does before a device is given to a driver.</summary>
    internal virtual ValueTask BeforeAttachAsync(CancellationToken cancellationToken) => default;

    /// <summary>What the bus does after it has notified a driver of the other end.</summary>
    internal virtual ValueTask AfterOtherEndChangedAsync(XenDevice device, XenBusState state) => default;

    /// <summary>What the bus does after it has notified a driver of the local end.</summary>
    internal virtual ValueTask AfterLocalEndChangedAsync(XenDevice device, string path) => default;

    /// <summary>What the bus does with a device for which <see cref="XenDevice.RemoveLater"/> was called, some time later.</summary>
    internal virtual ValueTask RemoveAsync(XenDevice device) => default;

    /// <summary>Something changed at a node that no driver serves.</summary>
    private protected virtual void OnUnservedChanged(string node)
    {
    }

    /// <summary>Does a bus's own work for a node, on its queue.</summary>
    private protected void PostUnserved(string node, Func<ValueTask> work) => _queue.Post(new(BusWorkKind.EndUnserved, node), work);

    internal void Report(XenDevice? device, string text) => Emit(XenBusEventKind.Message, device, text);

    internal void Emit(XenBusEventKind kind, XenDevice? device, string text)
    {
        XenBusEvent happened = new(kind, Options.TimeProvider.GetUtcNow(), device, ForeignText.Escape(text));
        lock (_lock)
        {
            foreach (XenBusEvents stream in _streams)
            {
                stream.Add(happened);
            }
        }
    }

    /// <summary>Has a device's state examined, which could not be while it was written.</summary>
    internal void ExamineState(XenDevice device) => Examine(device.Node, "/state");

    /// <summary>A device's driver has detached: the device leaves the list, and what is in its place now is examined.</summary>
    internal void PostForget(XenDevice device, bool givenUp) => _queue.Post(new(BusWorkKind.ForgetDevice, device.Node), () =>
    {
        _devices.Remove(device.Node);
        if (givenUp)
        {
            _skipped.GiveUp(device.Node);
        }

        Examine(device.Node, "");
        return default;
    });

    /// <summary>Has examined what an event names: one device, or all below a path that ends above the devices.</summary>
    internal void TakeEvent(string path)
    {
        if (!_layout.Contains(path))
        {
            return;
        }

        if (_layout.Split(path) is (string node, string change))
        {
            Examine(node, change);
        }
        else
        {
            ExamineBelow(path, notify: true);
        }
    }

    void IBusWatcher.OnWatched(bool mayHaveMissed) => ExamineBelow(Node, notify: mayHaveMissed);

    void IBusWatcher.OnChanged(XenStoreWatchEvent change)
    {
        if (change.MustRescan)
        {
            // The event may come from another xenstored, which does not know what we announced.
            _queue.Post(new(BusWorkKind.Announce), () => AnnounceAsync(CancellationToken.None));
        }

        TakeEvent(change.Path);
    }

    void IBusWatcher.OnStoreClosed(XenStoreException error) => _enumerated.TrySetException(error);

    void IBusWatcher.OnRetryDue() => _queue.Post(new(BusWorkKind.WatchAgain), _watch.RegisterAgainAsync);

    void IBusWatcher.Report(string text) => Report(null, text);

    private async Task StartOnLoopAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_isStarted)
            {
                throw new InvalidOperationException($"The bus {Node} was started before.");
            }

            _isStarted = true;
        }

        if (!HoldsBoot)
        {
            Hold.ReleaseBus();
        }

        try
        {
            // Before the first examination, so that nothing can come between the two.
            await _watch.RegisterAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            await AnnounceAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            _watch.RetryLater(error);
            ExamineBelow(Node, notify: false);
        }

        if (!Options.Stepped)
        {
            await EventLoop.OnLoop(_enumerated.Task).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async Task<MissingDevice> ReportMissingAsync(XenDevice device)
    {
        XenBusState otherEnd;
        try
        {
            otherEnd = await device.ReadOtherEndStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            otherEnd = device.OtherEndState;
        }

        return new(device, device.State, otherEnd, Options.TimeProvider.GetElapsedTime(device.Arrived));
    }

    private void ExamineBelow(string scope, bool notify)
    {
        _pending.AddScope(scope, notify);
        PostExamination();
    }

    private void Examine(string node, string change)
    {
        _pending.AddNode(node, change);
        PostExamination();
    }

    private void PostExamination() => _queue.Post(new(BusWorkKind.Examine), ExamineAsync);

    /// <summary>Examines what waits, and acts on the findings.</summary>
    private async ValueTask ExamineAsync()
    {
        EnumerationResult result = await _enumeration.RunAsync(_pending.Take()).ConfigureAwait(EventLoop.IsCurrent);
        foreach (Finding finding in result.Findings)
        {
            Apply(finding);
        }

        if (!result.IsWhole)
        {
            _pending.KeepFailed(result);
            _retryFailed.Schedule();
        }

        if (result.Scopes.ContainsKey(Node))
        {
            _enumerated.TrySetResult();
            if (result.IsWhole)
            {
                Hold.ReleaseBus();
            }
        }
    }

    private void RetryFailed()
    {
        _pending.RetryFailed();
        PostExamination();
        _queue.Post(new(BusWorkKind.EndRetry), () =>
        {
            if (!_pending.HasFailed)
            {
                _retryFailed.Reset();
            }

            return default;
        });
    }

    private void Apply(Finding finding)
    {
        switch (finding)
        {
            case Finding.Arrived arrived:
                Add(arrived.Node, arrived.OtherEnd);
                break;
            case Finding.Departed departed:
                _devices.Find(departed.Node)?.Depart(departed.Reason);
                break;
            case Finding.Changed changed:
                XenDevice? device = _devices.Find(changed.Node);
                foreach (string change in changed.Changes)
                {
                    device?.PostLocalEnd(change);
                }

                break;
            case Finding.Skipped skipped:
                Report(null, $"{_layout.NameOf(skipped.Node)}: {skipped.Reason}");
                break;
        }

        if (_devices.Find(finding.Node) is null or { Phase: XenDevicePhase.NoDriver })
        {
            OnUnservedChanged(finding.Node);
        }
    }

    private void Add(string node, OtherEnd otherEnd)
    {
        (string type, string id) = _layout.TypeAndId(node);
        XenDevice device = new(this, type, id, node, otherEnd);
        lock (_lock)
        {
            if (_isDisposed || _shutdown is not null || !_devices.TryAdd(device))
            {
                return;
            }
        }

        if (HoldsBoot)
        {
            Hold.Add(device);
        }

        Emit(XenBusEventKind.Arrived, device, $"{device.Name}: arrived");
        device.PostAttach();
    }

    private bool IsResettingStale() => ResetsStale && !_enumerated.Task.IsCompleted && !IsShuttingDown;

    /// <summary>Reports something of a path, and of the device there if one is known.</summary>
    private void ReportAt(string path, string text) => Report(_devices.Find(path), text);
}
