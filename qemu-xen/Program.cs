using Xenlet.QemuXen;

return await CommandLineProgram.RunAsync(args);
