namespace Xenlet.NetworkPeer;

/// <summary>How fast a connection echoes, in KiB a second.</summary>
/// <param name="Quiet">Alone.</param>
/// <param name="Busy">Beside a flood of frames to nobody.</param>
/// <param name="Flooded">In the flood.</param>
/// <param name="Rate">Frames of the flood a second.</param>
/// <param name="End">What reading gives when both ends have ended: 0.</param>
internal readonly record struct FloodFigures(double Quiet, double Busy, double Flooded, double Rate, int End);
