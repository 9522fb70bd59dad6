using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

// The behaviour of this bus follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
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
/// A bus whose devices are directories of the store: <c>NODE/TYPE/ID</c>. It finds those that are there and those that come and go,
/// gives each to the driver that fits best, and tells the driver of changes at both ends.
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
/// There are two kinds of queue. The bus's decides what exists: it compares the store with its list, adds and removes, and never
/// waits for a driver. Each device has one of its own, on which all calls into its driver are made in order. An event of a watch is only
/// a hint to look: what a queue does, it does by what it reads then, so events may be lost, doubled or merged without harm.
/// <para/>
/// One watch on <see cref="Node"/> serves the list and all local ends. Each other end has an exact watch on its state, since the
/// removal of a node above, or the end of the domain, is announced to no other.
/// </remarks>
public abstract partial class DeviceBus : IAsyncDisposable
{
    // Nodes and paths that wait for a look; beyond either everything is looked at.
    private const int MaxWaitingNodes = 1024;
    private const int MaxWaitingPaths = 64;

    // The first of Xen's reserved domain numbers, DOMID_FIRST_RESERVED of xen.h.
    private const uint FirstReservedDomain = 0x7FF0;

    private readonly WorkQueue<BusWork> _queue;
    private readonly int _idComponents;
    private readonly Lock _gate = new();
    private readonly List<XenBusEvents> _streams = [];
    private readonly Dictionary<string, XenDevice> _devices = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _enumerated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private XenBusDriver[] _drivers = [];
    private Dictionary<string, HashSet<string>> _waitingNodes = new(StringComparer.Ordinal);
    private Dictionary<string, bool> _waitingScopes = new(StringComparer.Ordinal);

    // Looks that failed, and are made again. Guarded by the gate.
    private readonly Dictionary<string, HashSet<string>> _failedNodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> _failedScopes = new(StringComparer.Ordinal);
    private readonly RetryTimer _lookAgain;
    private readonly RetryTimer _watchAgain;
    private readonly CancellationTokenSource _end = new();
    private XenStoreWatch? _watch;
    private bool _isStarted;
    private bool _isDisposed;

    // What failed last at each path, so that it is said once. Used on the bus's queue only.
    private readonly Dictionary<string, string> _failures = new(StringComparer.Ordinal);

    // What was said last of a node that is no device of ours, so that it is said once. Used on the bus's queue only.
    private readonly Dictionary<string, string> _passedOver = new(StringComparer.Ordinal);

    // Devices whose driver failed and whose state could not be set to Closed. Used on the bus's queue only.
    private readonly HashSet<string> _givenUp = new(StringComparer.Ordinal);

    private protected DeviceBus(XenStoreClient store, string node, int idComponents, XenBusOptions? options)
    {
        ArgumentNullException.ThrowIfNull(store);
        Store = store;
        Loop = store.Loop;
        Node = node;
        _idComponents = idComponents;
        Options = options ?? new();
        Options = Loop is null ? Options : Options with { TimeProvider = Loop.ClockFor(Options.TimeProvider) };
        _queue = new(Options.Stepped, Loop, error => Report(null, $"{Node}: {error}"));
        _lookAgain = new(Options.TimeProvider, LookAgain);
        _watchAgain = new(Options.TimeProvider, () => _queue.Post(new(BusWorkKind.WatchAgain), WatchAgainAsync));
    }

    /// <summary>The bus's directory in the store, relative to our domain's.</summary>
    public string Node { get; }

    /// <summary>The store that the bus and its drivers use. It stays the caller's.</summary>
    public XenStoreClient Store { get; }

    /// <summary>The devices that the bus knows now, ordered by type and id.</summary>
    public IReadOnlyList<XenDevice> Devices
    {
        get
        {
            lock (_gate)
            {
                return [.. _devices.Values
                    .OrderBy(device => device.Type, StringComparer.Ordinal)
                    .ThenBy(device => device.Id.Length)
                    .ThenBy(device => device.Id, StringComparer.Ordinal)];
            }
        }
    }

    internal XenBusOptions Options { get; }

    /// <summary>The store's event loop, on which the bus works as well, or <see langword="null"/>.</summary>
    internal EventLoop? Loop { get; }

    internal BootHold Hold { get; } = new();

    internal XenBusDriver[] Drivers
    {
        get
        {
            lock (_gate)
            {
                return _drivers;
            }
        }
    }

    /// <summary>The node below a device that holds the other end's path.</summary>
    private protected abstract string OtherEndNode { get; }

    /// <summary>The node below a device that holds the other end's domain.</summary>
    private protected abstract string OtherEndIdNode { get; }

    /// <summary>Whether a device that is in use already at the first look is reset: whoever used it ran in this domain before.</summary>
    private protected virtual bool ResetsStale => false;

    /// <summary>Whether boot waits for the bus's devices.</summary>
    private protected abstract bool HoldsBoot { get; }

    /// <summary>Adds a driver and offers it the devices that have none.</summary>
    public void AddDriver(XenBusDriver driver)
    {
        ArgumentNullException.ThrowIfNull(driver);
        lock (_gate)
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
    /// Starts the bus, and returns when it has looked for the devices that are there; drivers may still be attaching. The bus comes up
    /// whether or not its directory exists, and finds devices that come later. What xenstored does not answer is asked again, until when
    /// boot is not over. In <see cref="XenBusOptions.Stepped"/> mode it returns before the first look.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus was started before.</exception>
    public ValueTask StartAsync(CancellationToken cancellationToken = default) =>
        new(EventLoop.RunAsync(Loop, () => StartOnLoopAsync(cancellationToken)));

    private async Task StartOnLoopAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
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
            // Before the first look, so that nothing can come between the two.
            await WatchAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            await AnnounceAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            SayNotWatched(error);
            _watchAgain.Schedule();
            Look(Node, tell: false);
        }

        if (!Options.Stepped)
        {
            await EventLoop.OnLoop(_enumerated.Task).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Waits until every device present at boot is connected, closed, or given up (it left, has no driver, or its driver failed), and
    /// says which are not after <paramref name="limit"/>, by default <see cref="XenBusOptions.BootTimeLimit"/>.
    /// </summary>
    public async Task<BootReport> WaitForBootAsync(TimeSpan? limit = null, CancellationToken cancellationToken = default)
    {
        try
        {
            await EventLoop.OnLoop(Hold.Released).WaitAsync(limit ?? Options.BootTimeLimit, Options.TimeProvider, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            // A bus that was disposed of lets those go who wait, and has not found out.
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
            lock (_gate)
            {
                _streams.Remove(gone);
            }
        });
        lock (_gate)
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

    /// <summary>Runs the next piece of the bus's work, in which no driver is called; <see langword="false"/> when there is none.</summary>
    /// <exception cref="InvalidOperationException">The bus is not <see cref="XenBusOptions.Stepped"/>.</exception>
    public ValueTask<bool> StepAsync() => _queue.StepAsync();

    /// <summary>Ends the bus and its watches. Devices keep their states, and drivers are not asked to detach.</summary>
    public async ValueTask DisposeAsync()
    {
        XenStoreWatch? watch;
        XenDevice[] devices;
        XenBusEvents[] streams;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            watch = _watch;
            devices = [.. _devices.Values];
            streams = [.. _streams];
        }

        _end.Cancel();
        _queue.Close();
        _lookAgain.Dispose();
        _watchAgain.Dispose();
        _enumerated.TrySetCanceled();
        Hold.End();
        if (watch is not null)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        await Task.WhenAll(devices.Select(device => device.StopAsync().AsTask())).ConfigureAwait(EventLoop.IsCurrent);
        foreach (XenBusEvents stream in streams)
        {
            stream.End();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Tells the tool stack that the bus hears of devices that come and go.</summary>
    private protected virtual ValueTask AnnounceAsync(CancellationToken cancellationToken) => default;

    /// <summary>What the bus does after a driver has been told of the other end.</summary>
    internal virtual ValueTask AfterOtherEndChangedAsync(XenDevice device, XenBusState state) => default;

    /// <summary>What the bus does after a driver has been told of the local end.</summary>
    internal virtual ValueTask AfterLocalEndChangedAsync(XenDevice device, string path) => default;

    internal void Report(XenDevice? device, string text) => Emit(XenBusEventKind.Message, device, text);

    internal void Emit(XenBusEventKind kind, XenDevice? device, string text)
    {
        XenBusEvent happened = new(kind, Options.TimeProvider.GetUtcNow(), device, ForeignText.Escape(text));
        lock (_gate)
        {
            foreach (XenBusEvents stream in _streams)
            {
                stream.Add(happened);
            }
        }
    }

    /// <summary>Examines a device's state, which could not be examined while it was written.</summary>
    internal void ExamineState(XenDevice device) => Look(device.Node, "/state");

    /// <summary>A device's driver has let it go. What is in its place now is looked at.</summary>
    internal void PostForget(XenDevice device, bool givenUp) => _queue.Post(new(BusWorkKind.ForgetDevice, device.Node), () =>
    {
        lock (_gate)
        {
            _devices.Remove(device.Node);
        }

        if (givenUp)
        {
            _givenUp.Add(device.Node);
        }

        Look(device.Node, "");
        return default;
    });

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

    private async ValueTask WatchAsync(CancellationToken cancellationToken, bool isAgain = false)
    {
        XenStoreWatch watch = await Store.WatchAsync(Node, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _watch = watch;
                _watchAgain.Reset();
                _ = FollowAsync(watch, isAgain);
                return;
            }
        }

        await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Registers the watch that was refused, or that has ended.</summary>
    private async ValueTask WatchAgainAsync()
    {
        lock (_gate)
        {
            if (_watch is not null)
            {
                return;
            }
        }

        try
        {
            await WatchAsync(_end.Token, isAgain: true).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            _watchAgain.Schedule();
            return;
        }
        catch (OperationCanceledException)
        {
            return;
        }

        Report(null, $"{Node}: the bus is watched again");
    }

    private void SayNotWatched(XenStoreException error) =>
        Report(
            null,
            $"{Node}: the bus cannot be watched, so devices that come and go are not noticed, and it is tried again: {error.Message}");

    /// <param name="watch">The watch.</param>
    /// <param name="isAgain">Whether events may have been missed, so that drivers are told that anything may have changed.</param>
    private async Task FollowAsync(XenStoreWatch watch, bool isAgain)
    {
        try
        {
            bool first = true;
            while (await watch.WaitToReadAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                while (watch.TryRead(out XenStoreWatchEvent change))
                {
                    if (first)
                    {
                        // Every watch begins with an event, which here stands for the first look.
                        first = false;
                        Look(Node, tell: isAgain);
                    }
                    else
                    {
                        if (change.LookAtEverything)
                        {
                            // It may come from another xenstored, which has not been told.
                            _queue.Post(new(BusWorkKind.Announce), () => AnnounceAsync(CancellationToken.None));
                        }

                        TakeEvent(change.Path);
                    }
                }
            }
        }
        catch (XenStoreException error)
        {
            lock (_gate)
            {
                _watch = null;
            }

            Report(null, $"{Node}: the bus is not watched any more: {error.Message}");
            if (Store.Closed.IsCompleted)
            {
                _enumerated.TrySetException(error);
            }
            else
            {
                _watchAgain.Schedule();
            }
        }
    }

    /// <summary>Queues the look that an event asks for: at one device, or at all below a path that ends above the devices.</summary>
    internal void TakeEvent(string path)
    {
        if (!XenStorePath.IsAtOrBelow(path, Node))
        {
            return;
        }

        // A device's path has the components of the bus, one for the type, and those of the id.
        int end = Node.Length;
        for (int component = 0; component <= _idComponents; component++)
        {
            if (end >= path.Length)
            {
                Look(path, tell: true);
                return;
            }

            int slash = path.IndexOf('/', end + 1);
            end = slash < 0 ? path.Length : slash;
        }

        Look(path[..end], path[end..]);
    }

    private void Look(string scope, bool tell)
    {
        lock (_gate)
        {
            _waitingScopes[scope] = tell || _waitingScopes.GetValueOrDefault(scope);
        }

        _queue.Post(new(BusWorkKind.Examine), LookAsync);
    }

    private void Look(string node, string path)
    {
        lock (_gate)
        {
            if (_waitingNodes.TryGetValue(node, out HashSet<string>? paths))
            {
                paths.Add(paths.Count < MaxWaitingPaths ? path : "");
            }
            else if (_waitingNodes.Count < MaxWaitingNodes)
            {
                _waitingNodes[node] = [path];
            }
            else
            {
                _waitingNodes.Clear();
                _waitingScopes[Node] = true;
            }
        }

        _queue.Post(new(BusWorkKind.Examine), LookAsync);
    }

    /// <summary>
    /// Compares the store with the list, where something may have changed. Reads go out together; then the list is changed.
    /// </summary>
    private async ValueTask LookAsync()
    {
        Dictionary<string, HashSet<string>> nodes;
        Dictionary<string, bool> scopes;
        XenDevice[] known;
        lock (_gate)
        {
            (nodes, _waitingNodes) = (_waitingNodes, new(StringComparer.Ordinal));
            (scopes, _waitingScopes) = (_waitingScopes, new(StringComparer.Ordinal));
            known = [.. _devices.Values];
        }

        List<string> found = [];
        List<string> unseen = [];
        await Task.WhenAll(scopes.Keys.Select(scope => ListAsync(scope, found, unseen))).ConfigureAwait(EventLoop.IsCurrent);
        foreach (string node in found)
        {
            nodes.TryAdd(node, []);
        }

        // Those that were passed over may be gone, and then no list has them.
        foreach (string node in _passedOver.Keys.Concat(_givenUp))
        {
            if (scopes.Keys.Any(scope => XenStorePath.IsAtOrBelow(node, scope)))
            {
                nodes.TryAdd(node, []);
            }
        }

        foreach (XenDevice device in known)
        {
            foreach ((string scope, bool tell) in scopes)
            {
                if (XenStorePath.IsAtOrBelow(device.Node, scope))
                {
                    nodes.TryAdd(device.Node, []);
                    if (tell)
                    {
                        nodes[device.Node].Add("");
                    }
                }
            }
        }

        (string Node, Action? Conclude)[] looks = await Task.WhenAll(nodes.Select(async node =>
            (node.Key, await LookAtNodeAsync(node.Key, node.Value, scopes.Count > 0).ConfigureAwait(EventLoop.IsCurrent))))
                .ConfigureAwait(EventLoop.IsCurrent);
        foreach ((_, Action? conclude) in looks.OrderBy(look => look.Node, StringComparer.Ordinal))
        {
            conclude?.Invoke();
        }

        bool isWhole = unseen.Count == 0 && looks.All(look => look.Conclude is not null);
        if (!isWhole)
        {
            KeepForAgain(scopes, unseen, nodes, looks);
        }

        if (scopes.ContainsKey(Node))
        {
            _enumerated.TrySetResult();
            if (isWhole)
            {
                Hold.ReleaseBus();
            }
        }
    }

    /// <summary>Keeps what could not be looked at until the next pause is over.</summary>
    private void KeepForAgain(
        Dictionary<string, bool> scopes, List<string> unseen, Dictionary<string, HashSet<string>> nodes,
        (string Node, Action? Conclude)[] looks)
    {
        lock (_gate)
        {
            if (scopes.TryGetValue(Node, out bool tell))
            {
                // Boot is over when the bus has been seen whole in one look.
                _failedScopes[Node] = tell || _failedScopes.GetValueOrDefault(Node);
            }
            else
            {
                foreach (string path in unseen)
                {
                    tell = scopes.Any(scope => scope.Value && XenStorePath.IsAtOrBelow(path, scope.Key));
                    _failedScopes[path] = tell || _failedScopes.GetValueOrDefault(path);
                }
            }

            foreach ((string node, Action? conclude) in looks)
            {
                if (conclude is not null)
                {
                    continue;
                }

                if (_failedNodes.TryGetValue(node, out HashSet<string>? paths))
                {
                    paths.UnionWith(nodes[node]);
                }
                else
                {
                    _failedNodes[node] = nodes[node];
                }
            }
        }

        _lookAgain.Schedule();
    }

    private void LookAgain()
    {
        KeyValuePair<string, bool>[] scopes;
        KeyValuePair<string, HashSet<string>>[] nodes;
        lock (_gate)
        {
            scopes = [.. _failedScopes];
            nodes = [.. _failedNodes];
            _failedScopes.Clear();
            _failedNodes.Clear();
        }

        foreach ((string scope, bool tell) in scopes)
        {
            Look(scope, tell);
        }

        foreach ((string node, HashSet<string> paths) in nodes)
        {
            // A look without a path to tell of is one at the state.
            foreach (string path in paths.DefaultIfEmpty("/state"))
            {
                Look(node, path);
            }
        }

        _queue.Post(new(BusWorkKind.EndRetry), () =>
        {
            lock (_gate)
            {
                if (_failedScopes.Count == 0 && _failedNodes.Count == 0)
                {
                    _lookAgain.Reset();
                }
            }

            return default;
        });
    }

    /// <summary>Says what cannot be looked at, if it was not said before; whether it is looked at again.</summary>
    private bool SayFailure(XenDevice? device, string path, XenStoreException error)
    {
        string text = $"{Node}: {path} cannot be looked at, and stays what it was: {error.Message}";
        bool isNew;
        lock (_failures)
        {
            isNew = _failures.GetValueOrDefault(path) != text;
            _failures[path] = text;
        }

        if (isNew)
        {
            Report(device, text);
        }

        // That we may not look, or that the name is none, is an answer.
        return error.Error is not (XenStoreError.EACCES or XenStoreError.EINVAL);
    }

    private void ForgetFailure(string path)
    {
        lock (_failures)
        {
            _failures.Remove(path);
        }
    }

    /// <summary>
    /// Adds the paths of the devices at or below a path to <paramref name="found"/>, and what is to be listed again to
    /// <paramref name="unseen"/>.
    /// </summary>
    private async Task ListAsync(string path, List<string> found, List<string> unseen)
    {
        int depth = path.AsSpan(Node.Length).Count('/');
        if (depth == _idComponents + 1)
        {
            lock (found)
            {
                found.Add(path);
            }

            return;
        }

        string[]? names;
        try
        {
            names = await Store.TryDirectoryAsync(path).ConfigureAwait(EventLoop.IsCurrent);
            ForgetFailure(path);
        }
        catch (XenStoreException error)
        {
            if (SayFailure(null, path, error))
            {
                lock (unseen)
                {
                    unseen.Add(path);
                }
            }

            return;
        }

        await Task.WhenAll((names ?? []).Select(name => ListAsync($"{path}/{name}", found, unseen))).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Reads what has to be known of a node, and gives what follows from it; <see langword="null"/> when it must be read again.
    /// </summary>
    private async Task<Action?> LookAtNodeAsync(string node, HashSet<string> paths, bool fully)
    {
        XenDevice? device;
        lock (_gate)
        {
            _devices.TryGetValue(node, out device);
        }

        try
        {
            Action conclude = device is null
                ? await LookAtStrangerAsync(node).ConfigureAwait(EventLoop.IsCurrent)
                : await LookAtDeviceAsync(device, paths, fully).ConfigureAwait(EventLoop.IsCurrent);
            ForgetFailure(node);
            return conclude;
        }
        catch (XenStoreException error)
        {
            // A device is gone only when the store says so.
            return SayFailure(device, node, error) ? null : () => { };
        }
    }

    private async Task<Action> LookAtDeviceAsync(XenDevice device, HashSet<string> paths, bool fully)
    {
        NodeCheck check = NodeCheck.Present;
        bool moved = false;
        if (fully || paths.Contains("") || paths.Contains("/state"))
        {
            check = await device.CheckNodeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        if (check is NodeCheck.Present or NodeCheck.BeingWritten && paths.Overlaps(["", "/" + OtherEndNode, "/" + OtherEndIdNode]))
        {
            (OtherEnd? otherEnd, _) = await ReadOtherEndAsync(device.Node).ConfigureAwait(EventLoop.IsCurrent);
            moved = otherEnd is not null && otherEnd != device.OtherEnd;
        }

        return () =>
        {
            if (check == NodeCheck.Gone)
            {
                device.Depart("has left the store");
            }
            else if (check == NodeCheck.SetUpAnew)
            {
                device.Depart("was set up anew");
            }
            else if (moved)
            {
                device.Depart("has another other end");
            }
            else
            {
                if (check == NodeCheck.BeingWritten)
                {
                    // Looked at again when it has been.
                    paths.Remove("/state");
                }

                foreach (string path in paths.Order(StringComparer.Ordinal))
                {
                    device.PostLocalEnd(path);
                }
            }
        };
    }

    private async Task<Action> LookAtStrangerAsync(string node)
    {
        Task<string?> read = Store.TryReadAsync(node + "/state").AsTask();
        Task<(OtherEnd? OtherEnd, string Problem)> readOtherEnd = ReadOtherEndAsync(node);
        await Task.WhenAll(read, readOtherEnd).ConfigureAwait(EventLoop.IsCurrent);
        string? value = await read.ConfigureAwait(EventLoop.IsCurrent);
        (OtherEnd? otherEnd, string problem) = await readOtherEnd.ConfigureAwait(EventLoop.IsCurrent);
        if (ResetsStale && !_enumerated.Task.IsCompleted && !IsShuttingDown && value is not null && otherEnd is not null)
        {
            value = await ResetStaleAsync(node, otherEnd.Path, value).ConfigureAwait(EventLoop.IsCurrent);
        }

        return () =>
        {
            XenBusState state = XenBusStates.Parse(value);
            if (value is null || state != XenBusState.Initialising)
            {
                _givenUp.Remove(node);
            }

            if (value is null)
            {
                _passedOver.Remove(node);
            }
            else if (state != XenBusState.Initialising)
            {
                PassOver(node, $"is not new, and is left alone: its state is {state}");
            }
            else if (_givenUp.Contains(node))
            {
                PassOver(node, "was given up, and is left alone until its state has been another");
            }
            else if (otherEnd is null)
            {
                PassOver(node, problem);
            }
            else
            {
                _passedOver.Remove(node);
                Add(node, otherEnd);
            }
        };
    }

    /// <summary>Resets a device that is in use already, and gives the state that it has then.</summary>
    private async Task<string?> ResetStaleAsync(string node, string otherEnd, string value)
    {
        XenBusState left = XenBusStates.Parse(value);
        if (!StaleFrontEnd.IsStale(left))
        {
            return value;
        }

        Report(null, $"{node[(Node.Length + 1)..]}: was left {left} by who ran here before, and is reset");
        try
        {
            await new StaleFrontEnd(Store, node, otherEnd, Options.TimeProvider).ResetAsync(_end.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The bus ends, and adds nothing any more.
        }

        return await Store.TryReadAsync(node + "/state").ConfigureAwait(EventLoop.IsCurrent);
    }

    private void PassOver(string node, string why)
    {
        if (_passedOver.GetValueOrDefault(node) != why)
        {
            _passedOver[node] = why;
            Report(null, $"{node[(Node.Length + 1)..]}: {why}");
        }
    }

    private void Add(string node, OtherEnd otherEnd)
    {
        string name = node[(Node.Length + 1)..];
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        XenDevice device = new(this, name[..slash], name[(slash + 1)..], node, otherEnd);
        lock (_gate)
        {
            if (_isDisposed || _shutdown is not null || !_devices.TryAdd(node, device))
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

    internal async Task<(OtherEnd? OtherEnd, string Problem)> ReadOtherEndAsync(string node)
    {
        Task<string?> readId = Store.TryReadAsync($"{node}/{OtherEndIdNode}").AsTask();
        Task<string?> readPath = Store.TryReadAsync($"{node}/{OtherEndNode}").AsTask();
        await Task.WhenAll(readId, readPath).ConfigureAwait(EventLoop.IsCurrent);
        string? id = await readId.ConfigureAwait(EventLoop.IsCurrent);
        string? path = await readPath.ConfigureAwait(EventLoop.IsCurrent);
        if (id is null || path is null)
        {
            return (null, $"has no other end: {(id is null ? OtherEndIdNode : OtherEndNode)} is missing");
        }

        if (!uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out uint domain) || domain >= FirstReservedDomain)
        {
            return (null, $"has no other end: {OtherEndIdNode} is no domain");
        }

        return path.StartsWith('/') && XenStorePath.FindBrokenRule(path + "/state") is null
            ? (new(domain, path), "")
            : (null, $"has no other end: {OtherEndNode} is no path");
    }
}
