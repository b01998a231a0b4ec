using Meshara.Mutation.Driving;
using Meshara.Mutation.Running;

if (args is ["child", .. string[] rest])
    return await ChildLoop.RunAsync(rest);
return await MutationRun.RunAsync(args);
