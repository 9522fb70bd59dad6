using System.Runtime.InteropServices;
using Xenlet.BackEnds.Net.Filter;

namespace Xenlet.BackEnds.Net;

/// <summary>What a switch has decided about a frame.</summary>
/// <param name="Only">The only port that it goes to; null if there is none or there are several.</param>
/// <param name="Several">The ports that it goes to otherwise.</param>
/// <param name="Verdict">The filter's verdict.</param>
/// <param name="Time">When it was decided, in nanoseconds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FrameRoute(SwitchPort? Only, SwitchPort[] Several, FilterVerdict Verdict, long Time)
{
    /// <summary>Nowhere, and nobody is told.</summary>
    public static FrameRoute Nowhere => new(null, [], FilterVerdict.Drop, 0);

    /// <summary>The only front end that it goes to; null if it goes elsewhere.</summary>
    public FrontEndPort? OnlyFrontEnd => Verdict == FilterVerdict.Accept ? Only?.Behind as FrontEndPort : null;
}
