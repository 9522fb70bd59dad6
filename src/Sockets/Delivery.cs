using System.Collections.Concurrent;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>
/// The last work of a stack before its interfaces close: what the program has sent is delivered, for as long as those allow who wait for
/// it. What remains open then is reset, so that no peer waits for a connection that nobody has.
/// </summary>
/// <param name="sockets">All sockets.</param>
/// <param name="report">Hears of what was not delivered.</param>
internal sealed class Delivery(SocketTable sockets, Action<string>? report)
{
    private readonly ConcurrentQueue<Order> _new = new();
    private readonly List<Order> _orders = [];
    private readonly StackTimer _timer = new(() => { });
    private bool _isProgramEnded;
    private volatile bool _hasEnded;

    /// <summary>Asks for it, on any thread. The caller wakes the stack.</summary>
    public Task OrderAsync(bool isProgramEnding, TimeSpan limit)
    {
        Order order = new(isProgramEnding, limit);
        _new.Enqueue(order);
        if (_hasEnded)
        {
            End();
        }

        return order.Done.Task;
    }

    /// <summary>
    /// Takes new orders, at the beginning of a turn. True when there were some: what their sockets want then comes with the next requests,
    /// and whether all is delivered is known after those.
    /// </summary>
    public bool TryBegin()
    {
        bool hasNew = false;
        while (_new.TryDequeue(out Order? order))
        {
            hasNew = true;
            order.Deadline = sockets.Stack.Internet.Clock.Now + (order.Limit.Ticks * 100);
            _orders.Add(order);
            if (order.IsProgramEnding && !_isProgramEnded)
            {
                _isProgramEnded = true;
                sockets.Host.EndProgram();
            }
        }

        return hasNew;
    }

    /// <summary>
    /// At the end of a turn in which all requests were served: ends the orders that are carried out, or whose time is over.
    /// </summary>
    public void Check()
    {
        if (_orders.Count == 0)
        {
            return;
        }

        bool isDelivered = sockets.IsAllDelivered;
        long now = sockets.Stack.Internet.Clock.Now;
        if (isDelivered || _orders.Exists(each => each.Deadline <= now))
        {
            if (!isDelivered)
            {
                report?.Invoke("what was sent last is not delivered: a peer does not acknowledge it");
            }

            sockets.EndWithInterfaces();
            _orders.ForEach(each => each.Done.TrySetResult());
            _orders.Clear();
            return;
        }

        sockets.Stack.Internet.Timers.Set(_timer, _orders.Min(each => each.Deadline));
    }

    /// <summary>The stack has ended: nobody waits for it any more.</summary>
    public void End()
    {
        _hasEnded = true;
        _orders.ForEach(each => each.Done.TrySetResult());
        while (_new.TryDequeue(out Order? order))
        {
            order.Done.TrySetResult();
        }
    }

    private sealed class Order(bool isProgramEnding, TimeSpan limit)
    {
        public bool IsProgramEnding => isProgramEnding;

        public TimeSpan Limit => limit;

        /// <summary>In the time of the stack's clock.</summary>
        public long Deadline { get; set; }

        /// <summary>Not continued on the stack's thread.</summary>
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
