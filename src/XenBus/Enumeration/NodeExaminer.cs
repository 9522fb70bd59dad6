using Xenlet.Kernel;
using Xenlet.XenStoreRing;

// Which node is a device, and when it is one no more, follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
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

namespace Xenlet.XenBus.Enumeration;

/// <summary>Reads what must be known of one node, and says what follows.</summary>
/// <param name="store">The store.</param>
/// <param name="otherEnds">Reads other ends.</param>
/// <param name="stale">Resets devices that are in use when the bus starts.</param>
/// <param name="skipped">The nodes that are no devices of this bus.</param>
internal sealed class NodeExaminer(XenStoreClient store, OtherEndReader otherEnds, StaleDevices stale, SkippedNodes skipped)
{
    /// <summary>Examines the node of a device on the list.</summary>
    /// <param name="device">The device.</param>
    /// <param name="changes">The rests of the paths that changed; an empty one stands for any.</param>
    /// <param name="always">Whether the device is verified whatever changed.</param>
    /// <exception cref="XenStoreException">A node cannot be read.</exception>
    public async Task<Finding> ExamineDeviceAsync(IKnownDevice device, IReadOnlySet<string> changes, bool always)
    {
        NodeCheck check = NodeCheck.Present;
        if (always || changes.Overlaps(["", "/state"]))
        {
            check = await device.CheckNodeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        if (check == NodeCheck.Gone)
        {
            return new Finding.Departed(device.Node, "has left the store");
        }

        if (check == NodeCheck.SetUpAnew)
        {
            return new Finding.Departed(device.Node, "was set up anew");
        }

        if (otherEnds.IsConcernedBy(changes))
        {
            (OtherEnd? otherEnd, _) = await otherEnds.ReadAsync(device.Node).ConfigureAwait(EventLoop.IsCurrent);
            if (otherEnd is not null && otherEnd != device.OtherEnd)
            {
                return new Finding.Departed(device.Node, "has another other end");
            }
        }

        // A state that is being written is examined again after that.
        string[] told = [.. changes
            .Where(change => check != NodeCheck.BeingWritten || change != "/state")
            .Order(StringComparer.Ordinal)];
        return told.Length == 0 ? new Finding.Nothing(device.Node) : new Finding.Changed(device.Node, told);
    }

    /// <summary>Examines a node at which no device is known.</summary>
    /// <exception cref="XenStoreException">A node cannot be read.</exception>
    public async Task<Finding> ExamineUnknownAsync(string node)
    {
        Task<string?> read = store.TryReadAsync(node + "/state").AsTask();
        Task<(OtherEnd? OtherEnd, string Problem)> readOtherEnd = otherEnds.ReadAsync(node);
        await Task.WhenAll(read, readOtherEnd).ConfigureAwait(EventLoop.IsCurrent);
        string? value = await read.ConfigureAwait(EventLoop.IsCurrent);
        (OtherEnd? otherEnd, string problem) = await readOtherEnd.ConfigureAwait(EventLoop.IsCurrent);
        if (value is not null && otherEnd is not null)
        {
            value = await stale.ResetAsync(node, otherEnd, value).ConfigureAwait(EventLoop.IsCurrent);
        }

        XenBusState state = XenBusStates.Parse(value);
        if (value is null || state != XenBusState.Initialising)
        {
            skipped.Readmit(node);
        }

        if (value is null)
        {
            skipped.Forget(node);
            return new Finding.Nothing(node);
        }

        if (state != XenBusState.Initialising)
        {
            return Skip(node, $"is not new, and is left alone: its state is {state}");
        }

        if (skipped.IsGivenUp(node))
        {
            return Skip(node, "was given up, and is left alone until its state has been another");
        }

        if (otherEnd is null)
        {
            return Skip(node, problem);
        }

        skipped.Forget(node);
        return new Finding.Arrived(node, otherEnd);
    }

    private Finding Skip(string node, string reason) =>
        skipped.Skip(node, reason) ? new Finding.Skipped(node, reason) : new Finding.Nothing(node);
}
