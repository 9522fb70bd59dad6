using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

// What an other end must say of itself follows sys/xen/xenbus/xenbusb.c of FreeBSD, whose notice is:
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

/// <summary>Reads who the other end of a device is.</summary>
/// <param name="store">The store.</param>
/// <param name="layout">Names the two nodes that say it.</param>
internal sealed class OtherEndReader(XenStoreClient store, BusLayout layout)
{
    // DOMID_FIRST_RESERVED of Xen's xen.h.
    private const uint FirstReservedDomain = 0x7FF0;

    /// <summary>Whether one of these changes may be another other end. A change is the rest of a path below the device's node.</summary>
    public bool IsConcernedBy(IReadOnlySet<string> changes) =>
        changes.Overlaps(["", "/" + layout.OtherEndNode, "/" + layout.OtherEndIdNode]);

    /// <summary>The other end of the device at a node, or <see langword="null"/> and what is wrong, as words for a message.</summary>
    /// <exception cref="XenStoreException">A node cannot be read.</exception>
    public async Task<(OtherEnd? OtherEnd, string Problem)> ReadAsync(string node)
    {
        Task<string?> readId = store.TryReadAsync($"{node}/{layout.OtherEndIdNode}").AsTask();
        Task<string?> readPath = store.TryReadAsync($"{node}/{layout.OtherEndNode}").AsTask();
        await Task.WhenAll(readId, readPath).ConfigureAwait(EventLoop.IsCurrent);
        string? id = await readId.ConfigureAwait(EventLoop.IsCurrent);
        string? path = await readPath.ConfigureAwait(EventLoop.IsCurrent);
        if (id is null || path is null)
        {
            return (null, $"has no other end: {(id is null ? layout.OtherEndIdNode : layout.OtherEndNode)} is missing");
        }

        if (!uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out uint domain) || domain >= FirstReservedDomain)
        {
            return (null, $"has no other end: {layout.OtherEndIdNode} is no domain");
        }

        return path.StartsWith('/') && XenStorePath.FindBrokenRule(path + "/state") is null
            ? (new(domain, path), "")
            : (null, $"has no other end: {layout.OtherEndNode} is no path");
    }
}
